//! The verifier is put to the test: each fault that a saboteur brings into a real run is found, and called by its kind.

use std::path::Path;

use mission_chaos::{Sabotage, run_sabotaged};
use mission_verifier::Fault;

macro_rules! seeded {
    ($($sentence:ident: $sabotage:ident => $faults:expr;)+) => {$(
        #[test]
        fn $sentence() {
            check(Sabotage::$sabotage, &$faults);
        }
    )+};
}

seeded! {
    a_clean_run_has_no_findings: None => [];
    a_settle_without_its_fence_is_found: SettleWithoutFence => [Fault::StaleSettle];
    a_progress_without_its_fence_is_found: ProgressWithoutFence => [Fault::StaleProgress];
    a_checkpoint_without_its_fence_is_found: CheckpointWithoutFence => [Fault::StaleCheckpoint];
    a_claim_without_a_look_at_the_state_is_found: ClaimWithoutStateCheck => [Fault::ClaimedWhileRunning];
    a_run_without_a_claim_is_found: RunWithoutClaim => [Fault::RanTwice];
    a_settle_before_the_effect_is_found: SettleBeforeEffect => [Fault::SuccessWithoutEffect];
    an_effect_that_is_committed_twice_is_found: CommitEffectTwice => [Fault::AcceptedTwice];
    a_blind_push_after_an_unknown_commit_is_found: PushBlindly => [Fault::PushedTwice];
    a_push_that_nobody_ordered_is_found: PushUnordered => [Fault::Unintended, Fault::WronglyFailed];
    an_accepted_task_that_is_gone_is_found: RemoveAccepted => [Fault::Lost];
    a_changed_end_is_found: ChangeFinal => [Fault::FinalChanged];
    a_second_success_is_found: SucceedAgain => [Fault::AcceptedTwice, Fault::FinalChanged];
    a_crashed_innocent_is_found: CrashInnocent => [Fault::CrashedInnocent];
    a_failure_for_nothing_is_found: FailForNothing => [Fault::WronglyFailed];
    a_token_that_falls_is_found: LowerToken => [Fault::TokenBroken];
    a_task_left_executing_is_found: LeaveExecuting => [Fault::LeftExecuting];
    a_task_left_waiting_is_found: LeaveWaiting => [Fault::Unstarted];
    a_late_rescue_is_found: RescueLate => [Fault::StartedLate];
    a_file_published_by_a_lost_worker_is_found: PublishLost => [Fault::SuccessWithoutEffect, Fault::FileDiffers];
    a_file_without_a_row_is_found: LeaveFile => [Fault::FileWithoutRow];
    a_row_without_its_file_is_found: RemoveFile => [Fault::RowWithoutFile];
    a_file_that_somebody_wrote_on_in_is_found: WriteOn => [Fault::FileDiffers];
    a_damaged_file_is_found: DamageFile => [Fault::Corrupt];
}

fn check(sabotage: Sabotage, faults: &[Fault]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_mission-chaos"));
    let findings = runtime.block_on(run_sabotaged(program, sabotage)).unwrap();
    let mut found: Vec<Fault> = findings.iter().map(|finding| finding.fault).collect();
    found.dedup();
    assert_eq!(found, faults, "{findings:#?}");
}
