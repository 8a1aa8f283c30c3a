//! The roles of a connector, and who plays them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a component does for a connector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// What to ask, and how to page.
    Crawl,
    /// From records to Purchases.
    Mapping,
    /// Names, units and rates of products.
    Localisation,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Crawl, Self::Mapping, Self::Localisation];

    /// Its name, as the contract's interface is called.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Crawl => "crawl",
            Self::Mapping => "mapping",
            Self::Localisation => "localisation",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// No role of this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no role of this name: choose crawl, mapping or localisation")]
pub struct NoSuchRole;

impl FromStr for Role {
    type Err = NoSuchRole;

    fn from_str(name: &str) -> Result<Self, NoSuchRole> {
        Self::ALL.into_iter().find(|role| role.as_str() == name).ok_or(NoSuchRole)
    }
}

/// Who plays each role of a connector: mostly one component plays all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Cast<T> {
    /// Decides what is asked. Its descriptor is the connector's.
    pub crawl: T,
    /// Makes Purchases.
    pub mapping: T,
    /// Names products.
    pub localisation: T,
}

impl<T> Cast<T> {
    /// One plays all.
    #[must_use]
    pub fn one(plays_all: T) -> Self
    where
        T: Clone,
    {
        Self { crawl: plays_all.clone(), mapping: plays_all.clone(), localisation: plays_all }
    }

    /// Who plays a role.
    #[must_use]
    pub fn of(&self, role: Role) -> &T {
        match role {
            Role::Crawl => &self.crawl,
            Role::Mapping => &self.mapping,
            Role::Localisation => &self.localisation,
        }
    }

    /// The same cast with another in one role.
    #[must_use]
    pub fn with(mut self, role: Role, player: T) -> Self {
        match role {
            Role::Crawl => self.crawl = player,
            Role::Mapping => self.mapping = player,
            Role::Localisation => self.localisation = player,
        }
        self
    }

    /// Each role with who plays it.
    pub fn roles(&self) -> impl Iterator<Item = (Role, &T)> {
        Role::ALL.into_iter().map(|role| (role, self.of(role)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_known_by_its_name_and_swapped_alone() {
        for role in Role::ALL {
            assert_eq!(role.to_string().parse(), Ok(role));
            let swapped = Cast::one("first").with(role, "second");
            let players: Vec<_> = swapped.roles().filter(|(_, player)| **player == "second").collect();
            assert_eq!(players, [(role, &"second")]);
        }
        assert_eq!("cook".parse::<Role>(), Err(NoSuchRole));
    }
}
