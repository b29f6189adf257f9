//! nginx as a plain reverse proxy.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};

use super::child::Program;

/// A running nginx.
pub(crate) struct Nginx {
    program: Program,
    address: SocketAddr,
}

impl Nginx {
    /// Starts it before an API, with so many workers.
    pub(crate) fn start(home: &Path, api: SocketAddr, workers: u32) -> anyhow::Result<Self> {
        let binary = binary().context(
            "there is no nginx to compare with: run e2e/install, which unpacks one and starts nothing, or install the \
             package nginx",
        )?;
        fs::create_dir_all(home)?;
        // It cannot choose a port by itself. This one is free, and nobody else is likely to take it now.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let config = home.join("nginx.conf");
        fs::write(&config, configuration(home, address, api, workers))?;
        let mut command = Command::new(binary);
        command.arg("-p").arg(home).arg("-c").arg(&config).arg("-e").arg(home.join("error.log"));
        let program = Program::start(command.stderr(Stdio::null()))?;
        let nginx = Self { program, address };
        nginx.wait()?;
        Ok(nginx)
    }

    fn wait(&self) -> anyhow::Result<()> {
        for _ in 0..100 {
            if TcpStream::connect(self.address).is_ok() {
                return Ok(());
            }
            sleep(Duration::from_millis(50));
        }
        bail!("nginx does not answer")
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its workers.
    pub(crate) fn pids(&self) -> anyhow::Result<Vec<u32>> {
        let pid = self.program.pid();
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
        let workers: Vec<u32> = children.split_whitespace().filter_map(|pid| pid.parse().ok()).collect();
        ensure!(!workers.is_empty(), "nginx has no workers");
        Ok(workers)
    }
}

fn configuration(home: &Path, address: SocketAddr, api: SocketAddr, workers: u32) -> String {
    let home = home.display();
    format!(
        "daemon off; pid {home}/nginx.pid; error_log {home}/error.log; worker_processes {workers};
events {{ worker_connections 512; }}
http {{
    access_log off; keepalive_requests 1000000;
    client_body_temp_path {home}/temp; proxy_temp_path {home}/temp; fastcgi_temp_path {home}/temp;
    uwsgi_temp_path {home}/temp; scgi_temp_path {home}/temp;
    upstream api {{ server {api}; keepalive 64; keepalive_requests 1000000; }}
    server {{
        listen {address};
        location / {{ proxy_pass http://api; proxy_http_version 1.1; proxy_set_header Connection \"\"; }}
    }}
}}
"
    )
}

/// The system's nginx, or the one that `e2e/install` unpacked.
fn binary() -> Option<PathBuf> {
    let unpacked = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("e2e").join(".tools/usr/sbin/nginx");
    let places = ["/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/bin/nginx"].map(PathBuf::from);
    places.into_iter().chain([unpacked]).find(|place| place.is_file())
}
