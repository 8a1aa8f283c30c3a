//! The people who can sign in: one for each thing that can be right or wrong with a consent.

use crate::random::Seed;

/// The tenant of personal accounts, as the vendor documents it.
pub(crate) const CONSUMERS: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

/// What a user may do as a partner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Enough for everything.
    AdminAgent,
    /// Enough together with [`Role::SalesAgent`].
    BillingAdmin,
    /// Customers and prices.
    SalesAgent,
    /// Not enough, whatever one would think.
    GlobalAdmin,
}

/// The template id of the role every member of a directory has.
const MEMBER: &str = "b79fbf4d-3ef9-4689-8143-76b194e85509";

impl Role {
    /// The template id of a directory role; agents are groups, and have none.
    fn template(self) -> Option<&'static str> {
        match self {
            Self::BillingAdmin => Some("b0f54661-2d74-4c50-afa3-1ec803f12efe"),
            Self::GlobalAdmin => Some("62e90394-69f5-4237-9190-012177145e10"),
            Self::AdminAgent | Self::SalesAgent => None,
        }
    }
}

impl User {
    /// Template ids of the user's directory roles.
    pub(crate) fn directory_roles(&self) -> Vec<&'static str> {
        self.roles.iter().filter_map(|role| role.template()).chain([MEMBER]).collect()
    }
}

/// Somebody on the sign-in page.
#[derive(Debug, Clone)]
pub struct User {
    /// What the sign-in form calls the user: `service`, `billing`, `global`, `norole`, `nomfa`, `guest`, `other`,
    /// `personal`.
    pub id: &'static str,
    /// Full name.
    pub name: &'static str,
    /// Sign-in name.
    pub upn: String,
    /// What the sign-in page says about the user.
    pub remark: &'static str,
    /// Tenant the user signs in to.
    pub tenant: String,
    /// Object id in that tenant.
    pub object: String,
    /// Partner roles.
    pub roles: Vec<Role>,
    /// Whether the sign-in is with MFA.
    pub mfa: bool,
    /// A guest in the partner's tenant.
    pub guest: bool,
}

/// Everybody, the right one first.
pub(crate) fn everybody(seed: Seed, tenant: &str) -> Vec<User> {
    let other = seed.guid("other tenant", 0);
    let home = |id, name, remark, roles: &[Role]| User {
        id,
        name,
        upn: format!("{id}@simulated-partner.example"),
        remark,
        tenant: tenant.to_owned(),
        object: seed.guid(&format!("user {id}"), 0),
        roles: roles.to_vec(),
        mfa: true,
        guest: false,
    };
    let agent = [Role::AdminAgent];
    vec![
        home("service", "Purser Service Account", "Admin Agent, with MFA: the right choice", &agent),
        home(
            "billing",
            "Bente Bakker",
            "Billing Admin + Sales Agent",
            &[Role::BillingAdmin, Role::SalesAgent],
        ),
        home(
            "global",
            "Gerrit Groot",
            "Global Admin + Sales Agent: not enough",
            &[Role::GlobalAdmin, Role::SalesAgent],
        ),
        home("norole", "Nora Neumann", "no partner role", &[]),
        User { mfa: false, ..home("nomfa", "Milan Mertens", "Admin Agent, signs in without MFA", &agent) },
        User { guest: true, ..home("guest", "Gaëlle Garnier", "guest in this tenant", &agent) },
        User {
            upn: "owen@another-partner.example".into(),
            tenant: other,
            ..home("other", "Owen Olsen", "Admin Agent of another tenant", &agent)
        },
        User {
            upn: "pat@personal.example".into(),
            tenant: CONSUMERS.into(),
            ..home("personal", "Pat Private", "personal account", &[])
        },
    ]
}
