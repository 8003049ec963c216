//! Who came to an API, and whose objects it may see: the tenant.
//!
//! Where the REST endpoint asks nobody who he is there is one tenant, `local`, whatever a path names. Where it asks, a party's user
//! is the tenant of that party's id, and the operator is bound to none.

use axum::http::{Extensions, HeaderMap};
use rest::proxy::SentTicket;
use rest::{Access, Holder};
use service::{Principal, Who};
use vocabulary::{ErrorCode, Fault, PartyId, Tenant};
use wire::agent_link::Caller;

/// The way in: credentials are asked for here, and the API says in its own form why somebody is refused.
#[derive(Clone)]
pub struct Authenticator {
    access: Option<Access>,
    at_endpoint: Principal,
}

/// Somebody who was let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthenticatedCaller {
    /// Who it is.
    pub principal: Principal,
    /// Whether the REST endpoint asks who comes; where it does not, all tenants that paths name are the one there is.
    asked: bool,
}

impl Authenticator {
    /// An authenticator; whoever comes is `at_endpoint` unless the credential or the way he came says otherwise.
    pub fn new(access: Option<Access>, at_endpoint: Principal) -> Self {
        Self {
            access,
            at_endpoint,
        }
    }

    /// Who comes with such a request. Who came through a party's REST endpoint over its link is that party's user and was asked
    /// there. Fails with `CredentialRefused` where a credential is needed and none that counts is there.
    pub fn caller(
        &self,
        extensions: &Extensions,
        headers: &HeaderMap,
    ) -> Result<AuthenticatedCaller, Fault> {
        let caller = match (extensions.get::<Caller>(), &self.access) {
            // Set by the link, or by the check of credentials: what comes in over HTTP cannot bring
            // an extension.
            (Some(caller), _) => caller.clone(),
            (None, None) => Caller::Outsider,
            (None, Some(access)) => match access.holder_on(extensions, headers)? {
                Holder::Party(party) => Caller::PartyUser(party),
                Holder::Operator => Caller::Outsider,
            },
        };
        let principal = principal_of(&caller, &self.at_endpoint, extensions);
        Ok(AuthenticatedCaller {
            principal,
            asked: self.at_endpoint.who == Who::Operator,
        })
    }
}

impl AuthenticatedCaller {
    /// The tenant whose objects alone may be seen; `None` for the operator, who sees all.
    pub fn tenant(&self) -> Option<Tenant> {
        if self.asked {
            self.principal.tenant.clone()
        } else {
            Some(Tenant::only())
        }
    }

    /// The tenant of what is made here when nothing names another.
    pub fn own(&self) -> Tenant {
        self.principal.tenant.clone().unwrap_or_else(Tenant::only)
    }

    /// The tenant that a path means by a name. Fails with `PermissionDenied` when it is another one's, or no tenant's name.
    pub fn named(&self, name: &str) -> Result<Tenant, Fault> {
        if !self.asked {
            return Ok(Tenant::only());
        }
        let denied = || {
            Fault::new(
                ErrorCode::PermissionDenied,
                format!("the credential is not of tenant {name}"),
            )
        };
        // The same refusal as for another's tenant: the answer must not tell which names there are.
        let named = Tenant::new(name).map_err(|_| denied())?;
        match &self.principal.tenant {
            Some(own) if *own != named => Err(denied()),
            _ => Ok(named),
        }
    }
}

/// Who stands behind a caller, with the ticket that the party's own endpoint gave to the request. Where the REST endpoint asks who comes,
/// whoever it is not a party's user is the operator.
pub fn principal_of(
    caller: &Caller,
    at_endpoint: &Principal,
    extensions: &Extensions,
) -> Principal {
    let principal = match caller {
        Caller::PartyUser(party) if at_endpoint.who == Who::Operator => bound(party),
        Caller::PartyUser(party) => Principal::of_party(party.clone()),
        Caller::Outsider => at_endpoint.clone(),
    };
    match extensions.get::<SentTicket>() {
        Some(SentTicket(ticket)) => principal.with_ticket(ticket.clone()),
        None => principal,
    }
}

fn bound(party: &PartyId) -> Principal {
    let principal = Principal::of_party(party.clone());
    // Names of parties are names of tenants, too.
    match Tenant::new(party.as_str()) {
        Ok(tenant) => principal.of_tenant(tenant),
        Err(_) => principal,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rest::access::token;
    use vocabulary::{ManualClock, Timestamp};

    use super::*;

    fn guarded() -> Authenticator {
        let entry = |token: &str, holder: &str| {
            let hash = token::sha256(&daemon::Secret::new(token));
            format!("[[tokens]]\nsha256 = '{hash}'\n{holder}\nexpires = '2030-01-01'\n")
        };
        let text = entry("own", "party = '9999'") + &entry("operator", "operator = true");
        let clock = Arc::new(ManualClock::at(Timestamp(1_795_000_000_000_000)));
        let access =
            Access::open(toml::from_str(&text).expect("settings"), None, clock).expect("opened");
        Authenticator::new(Some(access), Principal::operator())
    }

    fn with(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(
            axum::http::HeaderName::from_static(name),
            value.parse().expect("a value"),
        )])
    }

    #[test]
    fn knows_a_token_in_each_of_its_places() {
        let authenticator = guarded();
        // user-1:own
        for headers in [
            with("authorization", "Bearer own"),
            with("authorization", "Basic dXNlci0xOm93bg=="),
            with("x-auth-token", "own"),
        ] {
            let caller = authenticator
                .caller(&Extensions::new(), &headers)
                .expect("let in");
            assert_eq!(caller.tenant().as_ref().map(Tenant::as_str), Some("9999"));
            assert!(caller.named("9999").is_ok());
            assert_eq!(
                caller.named("10000").expect_err("another's").code,
                ErrorCode::PermissionDenied
            );
        }
        for headers in [
            HeaderMap::new(),
            with("authorization", "Bearer other"),
            with("authorization", "Basic own"),
            with("authorization", "Digest own"),
            with("x-auth-token", ""),
        ] {
            let refused = authenticator
                .caller(&Extensions::new(), &headers)
                .expect_err("refused");
            assert_eq!(refused.code, ErrorCode::CredentialRefused, "{headers:?}");
        }
    }

    #[test]
    fn the_operator_is_bound_to_no_tenant() {
        let caller = guarded()
            .caller(
                &Extensions::new(),
                &with("authorization", "Bearer operator"),
            )
            .expect("let in");
        assert_eq!((caller.tenant(), caller.own()), (None, Tenant::only()));
        assert_eq!(caller.named("10000").expect("any").as_str(), "10000");
        assert!(caller.named("../x").is_err());
    }

    #[test]
    fn an_open_endpoint_has_one_tenant() {
        let open = Authenticator::new(None, Principal::anyone());
        let mut from_party = Extensions::new();
        from_party.insert(Caller::PartyUser(PartyId::new("9999").expect("valid")));
        for extensions in [Extensions::new(), from_party] {
            let caller = open.caller(&extensions, &HeaderMap::new()).expect("let in");
            assert_eq!(
                (caller.tenant(), caller.own()),
                (Some(Tenant::only()), Tenant::only())
            );
            assert_eq!(
                caller.named("1234567890123").expect("accepted"),
                Tenant::only()
            );
        }
    }

    #[test]
    fn who_came_over_a_partys_link_is_its_user() {
        let mut extensions = Extensions::new();
        extensions.insert(Caller::PartyUser(PartyId::new("10000").expect("valid")));
        let caller = guarded()
            .caller(&extensions, &HeaderMap::new())
            .expect("asked at the party's REST endpoint");
        assert_eq!(caller.own().as_str(), "10000");
    }
}
