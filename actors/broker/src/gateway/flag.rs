//! The kill flag: a file that stops trading where nothing else works any more.

use messages::Kill;
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;
use std::io::{self, ErrorKind};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::unix::AsyncFd;

/// However quiet its folder is: not every file system tells.
const LOOK_EVERY: Duration = Duration::from_millis(200);

pub(super) struct Flag {
    path: PathBuf,
    /// `None` where the folder can't be watched.
    watch: Option<AsyncFd<OwnedFd>>,
}

impl Flag {
    pub(super) fn new(path: PathBuf) -> Self {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let watch = watch(folder.unwrap_or(Path::new(".")));
        let watch = watch.inspect_err(|error| {
            tracing::warn!(path = %path.display(), %error, "the kill flag is looked for now and then only");
        });
        Self { path, watch: watch.ok() }
    }

    /// What the flag stands for, as long as there is one. A flag that can't be read is a flag all the same.
    pub(super) async fn read(&self) -> Option<Kill> {
        let path = &self.path;
        let content = match tokio::fs::read(path).await {
            Err(error) if error.kind() == ErrorKind::NotFound => return None,
            content => content.unwrap_or_default(),
        };
        let mut kill = Kill::from_bytes(&content);
        kill.reason = format!("{}: {}", path.display(), kill.reason.trim());
        Some(kill)
    }

    /// Returns when a file in its folder was written or moved there, or a moment has passed. Cancel-safe.
    pub(super) async fn stirred(&self) {
        let written = async {
            match &self.watch {
                Some(watch) => events(watch).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = written => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// Half-written files are no events.
#[expect(
    deprecated,
    reason = "what replaces `new` is unsafe, for descriptors that are not owned: this one is"
)]
fn watch(folder: &Path) -> io::Result<AsyncFd<OwnedFd>> {
    let watch = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
    inotify::add_watch(&watch, folder, WatchFlags::CLOSE_WRITE | WatchFlags::MOVED_TO)?;
    AsyncFd::new(watch)
}

/// At least one, and all that are there.
async fn events(watch: &AsyncFd<OwnedFd>) {
    let Ok(mut ready) = watch.readable().await else {
        return std::future::pending().await;
    };
    let mut buffer = [MaybeUninit::uninit(); 1024];
    let mut events = inotify::Reader::new(watch, &mut buffer);
    while let Ok(_) | Err(Errno::INTR) = events.next() {}
    ready.clear_ready();
}

#[cfg(test)]
mod tests {
    use super::*;
    use messages::KillLevel;

    /// Far sooner than it would be looked for; the bound is generous, the machine may be busy.
    #[tokio::test]
    async fn a_flag_that_is_put_down_is_seen_as_it_is_put_down() {
        let folder = tempfile::tempdir().unwrap();
        let flag = Flag::new(folder.path().join("kill.flag"));
        assert!(flag.read().await.is_none());
        let watch = flag.watch.as_ref().expect("watched");
        let put = async {
            let kill = r#"{"level": "flatten", "reason": "smoke", "operator": "ada"}"#;
            tokio::fs::write(folder.path().join("kill.flag"), kill).await.unwrap();
        };
        tokio::join!(events(watch), put);
        let kill = flag.read().await.expect("there");
        assert_eq!(kill.level, KillLevel::Flatten);
        assert!(kill.reason.ends_with("kill.flag: smoke"), "{}", kill.reason);
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_watched_is_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let flag = Flag::new(folder.path().join("later/kill.flag"));
        assert!(flag.watch.is_none());
        std::fs::create_dir(folder.path().join("later")).unwrap();
        std::fs::write(folder.path().join("later/kill.flag"), "smoke").unwrap();
        flag.stirred().await;
        assert_eq!(flag.read().await.expect("there").level, KillLevel::Halt);
    }
}
