//! A caller that goes away in the middle of a call.

/// Drops a call after so many turns of the runtime, unless it has ended before.
pub async fn give_up_after(turns: usize, call: impl Future) {
    let goes_away = async {
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        _ = call => {}
        () = goes_away => {}
    }
}
