//! Network namespaces: a switch and four hosts with a cable each, made and taken away without touching the machine's own
//! interfaces.

use std::process::{Command, Output, Stdio};

use super::super::program;

/// Host name, party, last part of the address.
pub(super) const HOSTS: [(&str, &str, u8); 4] = [
    ("coordinator", "coordinator", 1),
    ("guest", "9999", 2),
    ("host", "10000", 3),
    ("arbiter", "8888", 4),
];

pub(super) fn address(host: &str) -> String {
    let (_, _, last) = HOSTS
        .iter()
        .find(|(name, _, _)| *name == host)
        .expect("a host");
    format!("10.77.0.{last}")
}

fn output(command: &str, arguments: &[&str]) -> Result<Output, String> {
    Command::new(command)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{command}: {error}"))
}

fn ip(line: &str) -> Result<(), String> {
    let output = output("ip", &line.split(' ').collect::<Vec<_>>())?;
    if output.status.success() {
        Ok(())
    } else {
        Err(format!(
            "ip {line}: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        ))
    }
}

/// Five namespaces: a switch, and one for each host with a cable to it. The machine's own interfaces are not touched.
pub(super) struct Network {
    prefix: String,
}

impl Network {
    pub(super) fn make() -> Result<Self, String> {
        // From here on whatever was made is taken away again.
        let network = Self {
            prefix: format!("ff{}", std::process::id()),
        };
        let switch = network.namespace("switch");
        ip(&format!("netns add {switch}"))?;
        ip(&format!("-n {switch} link add br0 type bridge"))?;
        ip(&format!("-n {switch} link set br0 up"))?;
        for (host, _, _) in HOSTS {
            let own = network.namespace(host);
            ip(&format!("netns add {own}"))?;
            ip(&format!(
                "-n {switch} link add {host} type veth peer name eth0 netns {own}"
            ))?;
            ip(&format!("-n {switch} link set {host} master br0 up"))?;
            ip(&format!("-n {own} addr add {}/24 dev eth0", address(host)))?;
            ip(&format!("-n {own} link set lo up"))?;
            ip(&format!("-n {own} link set eth0 up"))?;
        }
        Ok(network)
    }

    fn namespace(&self, host: &str) -> String {
        format!("{}-{host}", self.prefix)
    }

    /// Lets agents reach the coordinator only, and each other no more.
    pub(super) fn cut_agents_apart(&self) {
        for (from, _, _) in &HOSTS[1..] {
            for (to, _, _) in HOSTS[1..].iter().filter(|(to, _, _)| to != from) {
                ip(&format!(
                    "-n {} route add blackhole {}/32",
                    self.namespace(from),
                    address(to)
                ))
                .expect("cut");
            }
        }
    }

    /// Bytes that came in at a host's cable so far.
    pub(super) fn received(&self, host: &str) -> u64 {
        let counter = "/sys/class/net/eth0/statistics/rx_bytes";
        let output = output(
            "ip",
            &["netns", "exec", &self.namespace(host), "cat", counter],
        )
        .expect("read");
        String::from_utf8_lossy(&output.stdout)
            .trim()
            .parse()
            .expect("a number")
    }

    /// A command of the program as it runs at a host.
    pub(super) fn at(&self, host: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("ip");
        command
            .args(["netns", "exec", &self.namespace(host)])
            .arg(program().path())
            .args(arguments)
            .stdin(Stdio::null());
        command
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for host in ["switch"].into_iter().chain(HOSTS.map(|(host, _, _)| host)) {
            // A namespace that was never made is none to remove.
            let _ = ip(&format!("netns del {}", self.namespace(host)));
        }
    }
}
