//! A line to a server that can be cut so that nobody notices: what was connected stays connected and silent, what
//! connects later works.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub struct Line {
    pub address: SocketAddr,
    cut: Arc<Notify>,
    closed: CancellationToken,
}

impl Line {
    pub async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a local port");
        let address = listener.local_addr().expect("bound");
        let (cut, closed, tasks) = (Arc::new(Notify::new()), CancellationToken::new(), TaskTracker::new());
        let (cut_here, closed_here) = (Arc::clone(&cut), closed.clone());
        tasks
            .clone()
            .spawn(closed.clone().run_until_cancelled_owned(async move {
                while let Ok((mut near, _)) = listener.accept().await {
                    let (cut, closed) = (Arc::clone(&cut_here), closed_here.clone());
                    tasks.spawn(async move {
                        let mut far = TcpStream::connect(("127.0.0.1", port)).await.expect("the server runs");
                        tokio::select! {
                            _ = copy_bidirectional(&mut near, &mut far) => {}
                            // Both ends are kept open and nothing is carried.
                            () = cut.notified() => closed.cancelled().await,
                            () = closed.cancelled() => {}
                        }
                    });
                }
            }));
        Self { address, cut, closed }
    }

    /// Cuts every connection there is now.
    pub fn cut(&self) {
        self.cut.notify_waiters();
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.closed.cancel();
    }
}
