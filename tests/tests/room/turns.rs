//! One command at a time: also when whoever gave it is gone before it is done.

use futures_util::FutureExt as _;
use rollcall_tests::room::device::Outcome;
use rollcall_tests::room::xapi::schema::Role;
use rollcall_tests::room::xapi::{Call, Path};

use crate::material::Sealer;
use crate::setting::{Room, soon};

#[test]
fn a_command_keeps_its_turn_when_its_peer_goes_away() {
    // One thread for what blocks, which is busy: so the command begins when we say so.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(1)
        .enable_all()
        .build();
    runtime.unwrap().block_on(async {
        let room = Room::start().await;
        let device = room.emulator.device();
        let (release, busy) = std::sync::mpsc::channel::<()>();
        let (begun, begins) = tokio::sync::oneshot::channel();
        tokio::task::spawn_blocking(move || {
            begun.send(()).unwrap();
            busy.recv()
        });
        soon(begins).await.unwrap();
        let populate = || Call::of("Security ClientSecret Populate").with("Secret", &Sealer::new().text());
        assert!(device.execute("admin", Role::Admin, populate()).now_or_never().is_none());
        // Nobody waits for it any more, and still nobody is told anything before it is done.
        let status = Path::parse("Status").unwrap();
        assert!(device.get(&status).now_or_never().is_none());
        release.send(()).unwrap();
        soon(device.get(&status)).await.unwrap();
        let again = soon(device.execute("admin", Role::Admin, populate())).await;
        let Outcome::Refused { refusal, .. } = again else { panic!("the first one was done") };
        assert_eq!(refusal.code(), "jwe-malformed");
    });
}
