//! What stands where under the folder of a local federation, and how it comes there on the first run.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use pki::{Authority, Identity, IssueOptions, Kind, Profile};
use serde_json::json;
use vocabulary::{Clock, ErrorCode, Fault, PartyId, SystemClock, Timestamp};

use super::folder::{hold, need_own, need_private, write_private};
use super::{UpArguments, access};
use crate::access::AccessFile;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Loopback carries large packets, and they are three times as fast.
const LOOPBACK_MTU: u16 = 6500;
const COORDINATOR: &str = "coordinator";
/// Certificates are renewed when they end within 30 days.
const RENEW_BEFORE_MILLIS: i64 = 30 * Timestamp::DAY_MILLIS;

/// Where files lie that jobs may read by path.
const IMPORT: &str = "import";
/// Where jobs write files.
const EXPORTS: &str = "exports";
const ACCESS: &str = "access.json";

/// The folder of a local federation.
pub(crate) struct Layout {
    root: PathBuf,
    import_roots: Vec<PathBuf>,
    serving: bool,
    /// Who may come in; none where nobody is asked.
    access: Option<AccessFile>,
    _hold: daemon::Hold,
}

impl Layout {
    /// Makes what is missing: the federation's root, an identity, settings and a policy for each daemon, and the credentials. What
    /// stands there stays; only settings are written anew, because ports may be taken meanwhile.
    pub(crate) fn prepare(arguments: &UpArguments, parties: &[PartyId]) -> Result<Self> {
        let dir = &arguments.dir;
        need_own(dir)?;
        let root = dir
            .canonicalize()
            .with_context(|| format!("the folder {} cannot be found", dir.display()))?;
        // Before anything is written: settings of a federation that runs must not change under it.
        let hold = hold(&root)?;
        let access = if arguments.open {
            None
        } else {
            Some(access::kept(&root.join(ACCESS))?)
        };
        let import_roots = import_roots(&root, &arguments.import_root)?;
        let layout = Self {
            root,
            import_roots,
            serving: arguments.serving,
            access,
            _hold: hold,
        };
        layout.make_identities(parties)?;
        let quic = free_udp_address()?;
        layout.write_coordinator(quic, chosen(arguments.rest_port)?, parties)?;
        for (number, party) in parties.iter().enumerate() {
            let port = match arguments.rest_port {
                0 => 0,
                first => first
                    .checked_add(u16::try_from(number + 1)?)
                    .context("the REST ports go beyond 65535")?,
            };
            layout.write_party(party, quic, chosen(port)?)?;
        }
        Ok(layout)
    }

    /// The file of the credentials and what stands in it; none where nobody is asked.
    pub(crate) fn access(&self) -> Option<(PathBuf, &AccessFile)> {
        self.access
            .as_ref()
            .map(|access| (self.root.join(ACCESS), access))
    }

    /// Whether every party has the policy that was written here, and no other.
    pub(crate) fn has_local_policies(&self, parties: &[PartyId]) -> bool {
        let policy = |party| std::fs::read_to_string(self.party_dir(party).join(POLICY));
        parties
            .iter()
            .all(|party| policy(party).is_ok_and(|text| text == LOCAL_POLICY))
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
        need_private(&folder)?;
        let mut authority = if folder.join("root.pem").exists() {
            Authority::open(&folder)?
        } else {
            Authority::init(&folder, "local", &Profile::default())?
        };
        let issue =
            |authority: &mut Authority, party: &PartyId, kind: Kind, home: PathBuf| -> Result<()> {
                need_private(&home)?;
                let identity = home.join("identity");
                if !identity.join("identity.pem").exists() {
                    authority.issue(party, kind, &identity, &IssueOptions::default())?;
                }
                Ok(())
            };
        issue(
            &mut authority,
            &PartyId::new(COORDINATOR)?,
            Kind::Coordinator,
            self.coordinator_dir(),
        )?;
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
        let homes = std::iter::once(self.coordinator_dir())
            .chain(parties.iter().map(|party| self.party_dir(party)));
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

    fn write_coordinator(
        &self,
        quic: SocketAddr,
        rest_port: u16,
        parties: &[PartyId],
    ) -> Result<()> {
        let mut config = json!({
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
        if let Some(file) = &self.access {
            config["access"] = access::section(file, true);
            config["one_owner"] = json!(true);
        }
        write_toml(&self.coordinator_config(), &config)
    }

    fn write_party(&self, party: &PartyId, coordinator: SocketAddr, rest_port: u16) -> Result<()> {
        let home = self.party_dir(party);
        let quic = free_udp_address()?;
        let policy = home.join(POLICY);
        // One that an earlier release wrote and nobody changed lacks the rules of this one, and would close what was open.
        let is_of_before = std::fs::read_to_string(&policy).is_ok_and(|text| text == POLICY_BEFORE);
        if is_of_before || !policy.exists() {
            std::fs::write(&policy, LOCAL_POLICY)
                .with_context(|| format!("{} cannot be written", policy.display()))?;
        }
        let mut config = json!({
            "party": party,
            "identity": "identity",
            "coordinator": coordinator.to_string(),
            "coordinator_party": COORDINATOR,
            "listen": quic,
            "direct": [quic.to_string()],
            "rest": SocketAddr::new(LOOPBACK, rest_port),
            "data": "data",
            "policy": POLICY,
            // A local federation reads files by path, as a standalone FATE does, but not those of the whole machine.
            "import_roots": self.import_roots,
            "export_root": self.root.join(EXPORTS),
            "mtu": LOOPBACK_MTU,
            "serving": {"enabled": self.serving},
            "log": {"file": "agent.log"},
        });
        if let Some(file) = &self.access {
            config["access"] = access::section(file, false);
        }
        write_toml(&self.party_config(party), &config)
    }
}

/// Writes settings; there may be secrets in them.
fn write_toml(path: &Path, value: &serde_json::Value) -> Result<()> {
    write_private(path, &toml::to_string_pretty(value)?)
}

/// The folders from which files are read by path: one in the federation's folder, and those that were named.
fn import_roots(root: &Path, named: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let own = root.join(IMPORT);
    need_private(&own)?;
    need_private(&root.join(EXPORTS))?;
    let found = |path: &PathBuf| match path.canonicalize() {
        Ok(path) if path.is_dir() => Ok(path),
        _ => Err(Fault::new(
            ErrorCode::ConfigInvalid,
            format!("there is no folder {}", path.display()),
        )
        .path("--import-root")
        .into()),
    };
    std::iter::once(Ok(own))
        .chain(named.iter().map(found))
        .collect()
}

/// A loopback address whose UDP port is free now.
fn free_udp_address() -> Result<SocketAddr> {
    let socket = UdpSocket::bind(SocketAddr::new(LOOPBACK, 0))
        .context("no UDP port is free on this machine")?;
    Ok(socket.local_addr()?)
}

/// A TCP port: the one asked for, or a free one. Chosen here and not by the daemon, so that a daemon that is started again
/// keeps its address.
fn chosen(port: u16) -> Result<u16> {
    if port != 0 {
        return Ok(port);
    }
    let listener = TcpListener::bind(SocketAddr::new(LOOPBACK, 0))
        .context("no TCP port is free on this machine")?;
    Ok(listener.local_addr()?.port())
}

/// The policy of a party in its owner's own local federation: everything among its members. A real party names what it
/// allows; see `party-agent/policy/default-policy.toml`.
const LOCAL_POLICY: &str = include_str!("local-policy.toml");
/// What an earlier release wrote in its place.
const POLICY_BEFORE: &str = include_str!("local-policy-before.toml");
const POLICY: &str = "policy.toml";

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use party_agent::AgentConfig;

    use super::*;

    fn arguments(dir: &Path) -> UpArguments {
        let dir = dir.join("federation");
        UpArguments {
            dir,
            rest_port: 0,
            parties: vec![],
            serving: false,
            import_root: vec![],
            open: false,
        }
    }

    fn mode(path: &Path) -> u32 {
        path.metadata().expect("there").permissions().mode() & 0o7777
    }

    fn settings_of(
        arguments: &UpArguments,
        parties: &[PartyId],
    ) -> (coordinator::CoordinatorConfig, AgentConfig) {
        let layout = Layout::prepare(arguments, parties).expect("prepared");
        let coordinator = coordinator::read_config(&layout.coordinator_config()).expect("readable");
        (
            coordinator,
            AgentConfig::load(&layout.party_config(&parties[0])).expect("readable"),
        )
    }

    #[test]
    fn writes_settings_and_a_policy_that_the_daemons_read() {
        let folder = tempfile::TempDir::new().expect("folder");
        let parties = vec![PartyId::new("9999").expect("valid")];
        let arguments = arguments(folder.path());
        let (coordinator, agent) = settings_of(&arguments, &parties);
        assert!(coordinator.one_owner && coordinator.access.is_some() && agent.access.is_some());
        // Files are read and written below the folder only.
        let root = arguments.dir.canonicalize().expect("there");
        assert_eq!(
            (agent.import_roots, agent.export_root),
            (vec![root.join(IMPORT)], Some(root.join(EXPORTS)))
        );
        for private in [
            "coordinator",
            "party-9999",
            "authority",
            IMPORT,
            EXPORTS,
            "",
        ] {
            assert_eq!(mode(&root.join(private)), 0o700, "{private}");
        }
        for private in [
            ACCESS,
            "coordinator/coordinator.toml",
            "party-9999/agent.toml",
            "authority/root.key",
        ] {
            assert_eq!(mode(&root.join(private)), 0o600, "{private}");
        }
    }

    #[test]
    fn asks_nobody_where_it_is_told_so_and_reads_where_it_is_told_so() {
        let folder = tempfile::TempDir::new().expect("folder");
        let parties = vec![PartyId::new("9999").expect("valid")];
        let mut arguments = UpArguments {
            open: true,
            ..arguments(folder.path())
        };
        arguments.import_root = vec![folder.path().to_owned()];
        let (coordinator, agent) = settings_of(&arguments, &parties);
        assert_eq!((coordinator.access, agent.access), (None, None));
        assert_eq!(
            agent.import_roots[1..],
            [folder.path().canonicalize().expect("there")]
        );
        assert!(!arguments.dir.join(ACCESS).exists());
        arguments.import_root = vec![folder.path().join("missing")];
        assert!(Layout::prepare(&arguments, &parties).is_err());
    }

    #[test]
    fn keeps_identities_policies_and_credentials_of_an_earlier_run() {
        let folder = tempfile::TempDir::new().expect("folder");
        let parties = vec![PartyId::new("9999").expect("valid")];
        let arguments = arguments(folder.path());
        let layout = Layout::prepare(&arguments, &parties).expect("prepared");
        let certificate = layout.party_dir(&parties[0]).join("identity/identity.pem");
        let files = [
            certificate,
            layout.party_dir(&parties[0]).join(POLICY),
            arguments.dir.join(ACCESS),
        ];
        let content = || {
            files
                .each_ref()
                .map(|file| std::fs::read(file).expect("there"))
        };
        assert!(layout.has_local_policies(&parties));
        let before = content();
        assert!(
            Layout::prepare(&arguments, &parties).is_err(),
            "another runs there"
        );
        drop(layout);
        let layout = Layout::prepare(&arguments, &parties).expect("prepared again");
        assert_eq!(content(), before);
        std::fs::write(&files[1], "# mine\n").expect("written");
        assert!(!layout.has_local_policies(&parties));
        drop(layout);
        let layout = Layout::prepare(&arguments, &parties).expect("prepared again");
        assert!(
            !layout.has_local_policies(&parties),
            "what somebody wrote stays"
        );
        drop(layout);
        // What an earlier release wrote, and nobody changed, does not close what was open.
        std::fs::write(&files[1], POLICY_BEFORE).expect("written");
        let layout = Layout::prepare(&arguments, &parties).expect("prepared again");
        assert!(layout.has_local_policies(&parties));
    }
}
