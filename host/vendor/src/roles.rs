//! The vendor's roles, as far as they explain what probes have found. **Rule:** probes decide; a role's name never does.

use std::collections::BTreeMap;

use crate::preflight::{Row, Verdict};

/// What a connector knows of its vendor's roles.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roles {
    /// Ids an id token may hold, and what the role is called. A role that is not here has no id.
    pub names: BTreeMap<String, String>,
    /// Roles that together are enough, or known not to be.
    pub sets: Vec<RoleSet>,
}

/// Roles that together are enough, or known not to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleSet {
    /// All of these.
    pub roles: Vec<String>,
    /// Whether they are enough.
    pub enough: bool,
    /// What to know about it, for the administrator.
    pub note: String,
    /// Probes, and the verdicts that together are typical of the set; empty: none are.
    pub signs: Vec<(String, Verdict)>,
}

impl Roles {
    /// What the roles of these ids are called; ids that are not known say nothing.
    #[must_use]
    pub fn named(&self, ids: &[String]) -> Vec<String> {
        ids.iter().filter_map(|id| self.names.get(&id.to_lowercase()).cloned()).collect()
    }

    /// The set, known not to be enough, that this table is typical of. `told`: roles the vendor named at sign-in, where it
    /// names any at all.
    #[must_use]
    pub fn typical_of(&self, rows: &[Row], told: Option<&[String]>) -> Option<&RoleSet> {
        let shows = |(probe, verdict): &(String, Verdict)| {
            rows.iter().any(|row| row.name == *probe && row.verdict == *verdict)
        };
        let has_id = |role: &&String| self.names.values().any(|name| name == *role);
        self.sets.iter().filter(|set| !set.enough && !set.signs.is_empty()).find(|set| {
            let is_contradicted =
                told.is_some_and(|told| set.roles.iter().filter(has_id).any(|role| !told.contains(role)));
            set.signs.iter().all(shows) && !is_contradicted
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles() -> Roles {
        let set = |enough, signs: &[(&str, Verdict)]| RoleSet {
            roles: vec!["Global".into(), "Sales".into()],
            enough,
            note: "add Billing".into(),
            signs: signs.iter().map(|(probe, verdict)| ((*probe).to_owned(), *verdict)).collect(),
        };
        let signs = [("customers", Verdict::Ok), ("usage", Verdict::Missing)];
        Roles {
            names: BTreeMap::from([("id-g".into(), "Global".into()), ("id-b".into(), "Billing".into())]),
            sets: vec![set(true, &signs), set(false, &[]), set(false, &signs)],
        }
    }

    fn rows(customers: Verdict, usage: Verdict) -> Vec<Row> {
        let row = |name: &str, verdict| Row {
            name: name.into(),
            capability: String::new(),
            verdict,
            code: String::new(),
            remedy: String::new(),
            about_role: false,
            evidence: String::new(),
            needed: true,
        };
        vec![row("customers", customers), row("usage", usage)]
    }

    #[test]
    fn a_set_is_named_only_where_all_its_signs_show_and_no_told_role_contradicts() {
        use Verdict::{Missing, Ok, Unknown};
        let told = |roles: &[&str]| Some(roles.iter().map(|role| (*role).to_owned()).collect::<Vec<_>>());
        for (customers, usage, told, expected) in [
            (Ok, Missing, None, true),
            // Sales is a group and has no id: that it is not told says nothing.
            (Ok, Missing, told(&["Global"]), true),
            (Ok, Missing, told(&["Billing"]), false),
            (Ok, Missing, told(&[]), false),
            (Ok, Unknown, None, false),
            (Missing, Missing, None, false),
        ] {
            let (roles, rows) = (roles(), rows(customers, usage));
            let set = roles.typical_of(&rows, told.as_deref());
            assert_eq!(set.is_some(), expected, "{customers:?} {usage:?} {told:?}");
            assert!(set.is_none_or(|set| !set.enough && !set.signs.is_empty()));
        }
    }

    #[test]
    fn ids_are_named_without_regard_to_case_and_unknown_ones_are_left_out() {
        assert_eq!(roles().named(&["ID-G".into(), "something else".into()]), ["Global"]);
    }
}
