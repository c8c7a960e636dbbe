//! Options that do not exist or are out of bounds.

#[mission::method(retry = 3)] //~ no option `retry`: did you mean `retries`?
async fn wrong_word() {}

#[mission::method(timeout = "soon", retries = -1)] //~ "soon" is no span of time //~ a number from 0 to 1000
async fn out_of_bounds() {}

#[mission::method(retries)] //~ `retries` needs a value
async fn no_value() {}

#[mission::method] //~ belongs on a function
struct NoFunction;

fn main() {}
