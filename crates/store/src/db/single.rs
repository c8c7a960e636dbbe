//! A batch of one row on MySQL: its columns are parameters of their own, because there a table made of JSON costs more than the
//! statement over it.

use serde_json::{Map, Value as Json};

use super::{Dialect, Statement, Value};

/// The one row of a batch.
pub(super) struct Single(Map<String, Json>);

impl Single {
    /// The row, if the batch has no other and the statement does without a table for it.
    pub(super) fn of(sql: &Statement, dialect: Dialect, values: &[(&str, Value<'_>)]) -> Option<Self> {
        if !sql.has_single(dialect) {
            return None;
        }
        let (_, batch) = values.iter().find(|(name, _)| *name == "batch")?;
        let Value::Text(Some(json)) = batch else { return None };
        // Ends at the second row, if there is one.
        serde_json::from_str::<(Map<String, Json>,)>(json).ok().map(|(row,)| Self(row))
    }

    /// Its columns as values, and those that were given.
    pub(super) fn values<'v>(&'v self, given: &[(&'v str, Value<'v>)]) -> Vec<(&'v str, Value<'v>)> {
        let column = |(name, value): (&'v String, &'v Json)| {
            let value = match value {
                Json::String(text) => Value::Text(Some(text)),
                Json::Number(number) => Value::Int(number.as_i64()),
                // proof: the rows of batches hold numbers, texts and nulls.
                _ => Value::Text(None),
            };
            (name.as_str(), value)
        };
        self.0.iter().map(column).chain(given.iter().copied()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static WRITE: Statement = Statement::new("write", "{if one: set a = {batch.a}}\n{if many: set {batch: a int}}");
    static OTHER: Statement = Statement::new("other", "select {batch: a int}");

    #[test]
    fn a_row_is_single_where_it_has_no_company_and_the_statement_can_do_with_it() {
        let single = |sql, json: &str| Single::of(sql, Dialect::MySql, &[("batch", json.into())]).is_some();
        assert!(single(&WRITE, r#"[{"a":1}]"#));
        for many in ["[]", r#"[{"a":1},{"a":2}]"#, "[1]"] {
            assert!(!single(&WRITE, many), "{many}");
        }
        assert!(!single(&OTHER, r#"[{"a":1}]"#));
        assert!(Single::of(&WRITE, Dialect::MySql, &[("id", 1.into())]).is_none());
    }

    #[test]
    fn its_columns_become_values_beside_those_that_were_given() {
        let json = r#"[{"a":9007199254740993,"b":"漢\u0000","c":null}]"#;
        let given = [("batch", json.into()), ("worker_id", 7.into())];
        let single = Single::of(&WRITE, Dialect::MySql, &given).unwrap();
        let values = single.values(&given);
        let value = |name: &str| format!("{:?}", values.iter().find(|(known, _)| *known == name).unwrap().1);
        assert_eq!(value("a"), "Int(Some(9007199254740993))");
        assert_eq!(value("b"), "Text(Some(\"漢\\0\"))");
        assert_eq!((value("c").as_str(), value("worker_id").as_str()), ("Text(None)", "Int(Some(7))"));
    }
}
