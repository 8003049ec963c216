//! What stands where under the folder of a local federation, and how it comes there on the first run.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use pki::{Authority, Identity, IssueOptions, Kind, Profile};
use serde_json::json;
use vocabulary::{Clock, PartyId, SystemClock};

use super::need_folder;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Loopback carries large packets, and they are three times as fast.
const LOOPBACK_MTU: u16 = 6500;
const COORDINATOR: &str = "coordinator";
/// Certificates are renewed when they end within 30 days.
const RENEW_BEFORE_MILLIS: i64 = 30 * 24 * 3600 * 1000;

/// The folder of a local federation.
pub(crate) struct Layout {
    root: PathBuf,
}

impl Layout {
    /// Makes what is missing: the federation's root, an identity, settings and a policy for each daemon. What stands there
    /// stays; only addresses are written anew, because ports may be taken meanwhile.
    pub(crate) fn prepare(dir: &Path, parties: &[PartyId], rest_port: u16, serving: bool) -> Result<Self> {
        need_folder(dir)?;
        let root = dir.canonicalize().with_context(|| format!("the folder {} cannot be found", dir.display()))?;
        let layout = Self { root };
        layout.make_identities(parties)?;
        let quic = free_udp_address()?;
        layout.write_coordinator(quic, chosen(rest_port)?, parties)?;
        for (number, party) in parties.iter().enumerate() {
            let port = match rest_port {
                0 => 0,
                first => first.checked_add(u16::try_from(number + 1)?).context("the REST ports go beyond 65535")?,
            };
            layout.write_party(party, quic, chosen(port)?, serving)?;
        }
        Ok(layout)
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn coordinator_dir(&self) -> PathBuf {
        self.root.join(COORDINATOR)
    }

    pub(crate) fn coordinator_config(&self) -> PathBuf {
        self.coordinator_dir().join("coordinator.toml")
    }

    pub(crate) fn party_dir(&self, party: &PartyId) -> PathBuf {
        self.root.join(format!("party-{party}"))
    }

    pub(crate) fn party_config(&self, party: &PartyId) -> PathBuf {
        self.party_dir(party).join("agent.toml")
    }

    fn make_identities(&self, parties: &[PartyId]) -> Result<()> {
        let folder = self.root.join("authority");
        let mut authority = if folder.join("root.pem").exists() {
            Authority::open(&folder)?
        } else {
            Authority::init(&folder, "local", &Profile::default())?
        };
        let issue = |authority: &mut Authority, party: &PartyId, kind: Kind, home: PathBuf| -> Result<()> {
            need_folder(&home)?;
            let identity = home.join("identity");
            if !identity.join("identity.pem").exists() {
                authority.issue(party, kind, &identity, &IssueOptions::default())?;
            }
            Ok(())
        };
        issue(&mut authority, &PartyId::new(COORDINATOR)?, Kind::Coordinator, self.coordinator_dir())?;
        for party in parties {
            issue(&mut authority, party, Kind::Agent, self.party_dir(party))?;
        }
        self.refresh(&mut authority, parties)
    }

    /// A revocation list is good for some weeks only, and nobody else looks after this federation: it is signed anew at
    /// every start, and certificates that end soon are renewed.
    fn refresh(&self, authority: &mut Authority, parties: &[PartyId]) -> Result<()> {
        authority.refresh_revocations()?;
        let list = authority.revocations_pem()?;
        let homes = std::iter::once(self.coordinator_dir()).chain(parties.iter().map(|party| self.party_dir(party)));
        for identity in homes.map(|home| home.join("identity")) {
            pki::install_revocations(&identity, &list)?;
            let ends = Identity::load(&identity).map(|loaded| loaded.not_after());
            let soon = SystemClock.now().plus_millis(RENEW_BEFORE_MILLIS);
            if ends.is_ok_and(|ends| ends < soon) {
                authority.renew(&identity, None)?;
            }
        }
        Ok(())
    }

    fn write_coordinator(&self, quic: SocketAddr, rest_port: u16, parties: &[PartyId]) -> Result<()> {
        let config = json!({
            "identity": "identity",
            "listen": quic,
            "rest": SocketAddr::new(LOOPBACK, rest_port),
            "data": "data",
            "parties": parties,
            // Data that comes in for no party by name goes to the first one, the demonstration's guest.
            "home_party": parties.first(),
            "mtu": LOOPBACK_MTU,
            "log": {"file": "coordinator.log"},
        });
        write_toml(&self.coordinator_config(), &config)
    }

    fn write_party(&self, party: &PartyId, coordinator: SocketAddr, rest_port: u16, serving: bool) -> Result<()> {
        let home = self.party_dir(party);
        let quic = free_udp_address()?;
        let policy = home.join("policy.toml");
        if !policy.exists() {
            std::fs::write(&policy, LOCAL_POLICY).with_context(|| format!("{} cannot be written", policy.display()))?;
        }
        let config = json!({
            "party": party,
            "identity": "identity",
            "coordinator": coordinator.to_string(),
            "listen": quic,
            "direct": [quic.to_string()],
            "rest": SocketAddr::new(LOOPBACK, rest_port),
            "data": "data",
            "policy": "policy.toml",
            // A local federation reads files by path, as a standalone FATE does.
            "import_roots": ["/"],
            "export_root": "/",
            "mtu": LOOPBACK_MTU,
            "serving": {"enabled": serving},
            "log": {"file": "agent.log"},
        });
        write_toml(&self.party_config(party), &config)
    }
}

fn write_toml(path: &Path, value: &serde_json::Value) -> Result<()> {
    let text = toml::to_string_pretty(value)?;
    std::fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))
}

/// A loopback address whose UDP port is free now.
fn free_udp_address() -> Result<SocketAddr> {
    let socket = UdpSocket::bind(SocketAddr::new(LOOPBACK, 0)).context("no UDP port is free on this machine")?;
    Ok(socket.local_addr()?)
}

/// A TCP port: the one asked for, or a free one. Chosen here and not by the daemon, so that a daemon that is started again
/// keeps its address.
fn chosen(port: u16) -> Result<u16> {
    if port != 0 {
        return Ok(port);
    }
    let listener = TcpListener::bind(SocketAddr::new(LOOPBACK, 0)).context("no TCP port is free on this machine")?;
    Ok(listener.local_addr()?.port())
}

/// The policy of a party in its owner's own local federation: everything among its members. A real party names what it
/// allows; see `party-agent/policy/default-policy.toml`.
const LOCAL_POLICY: &str = include_str!("local-policy.toml");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_settings_and_a_policy_that_the_daemons_read() {
        let folder = tempfile::TempDir::new().expect("folder");
        let parties = vec![PartyId::new("9999").expect("valid")];
        let layout = Layout::prepare(folder.path(), &parties, 0, false).expect("prepared");
        coordinator::read_config(&layout.coordinator_config()).expect("readable");
        party_agent::AgentConfig::load(&layout.party_config(&parties[0])).expect("readable");
    }

    #[test]
    fn keeps_identities_and_policies_of_an_earlier_run() {
        let folder = tempfile::TempDir::new().expect("folder");
        let parties = vec![PartyId::new("9999").expect("valid")];
        let layout = Layout::prepare(folder.path(), &parties, 0, false).expect("prepared");
        let certificate = layout.party_dir(&parties[0]).join("identity/identity.pem");
        let before = std::fs::read(&certificate).expect("issued");
        Layout::prepare(folder.path(), &parties, 0, false).expect("prepared again");
        assert_eq!(std::fs::read(&certificate).expect("still there"), before);
    }
}
