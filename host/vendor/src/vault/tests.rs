//! What is sealed, opened and refused.

use super::*;

fn vault() -> Vault {
    let chance = Chance::seeded(1);
    Vault::new(KeyRing::generate(&chance), chance)
}

fn connector(text: &str) -> ConnectorId {
    text.parse().unwrap()
}

fn identity<'a>(account: u32, connector: &'a ConnectorId, tenant: &'a str) -> GrantIdentity<'a> {
    GrantIdentity { account: AccountId(account), connector, tenant }
}

#[test]
fn a_sealed_grant_opens_for_its_own_identity_and_kind_only() {
    let (vault, sample, other) = (vault(), connector("sample"), connector("other"));
    let mine = identity(1, &sample, "t1");
    let sealed = vault.seal_grant(mine, Kind::RefreshToken, &Secret::new("planted".into())).unwrap();
    let open = |identity, kind| vault.open_grant(identity, kind, &sealed.bytes);
    assert_eq!(open(mine, Kind::RefreshToken).unwrap().expose(), "planted");
    for other in [identity(2, &sample, "t1"), identity(1, &other, "t1"), identity(1, &sample, "t2")] {
        assert_eq!(open(other, Kind::RefreshToken).unwrap_err(), VaultError::WontOpen);
    }
    assert_eq!(open(mine, Kind::ApiSecret).unwrap_err(), VaultError::WontOpen);
}

#[test]
fn any_changed_byte_keeps_it_closed() {
    let (vault, sample) = (vault(), connector("sample"));
    let mine = identity(1, &sample, "t");
    let sealed = vault.seal_grant(mine, Kind::RefreshToken, &Secret::new("planted".into())).unwrap();
    for at in 0..sealed.bytes.len() {
        let mut bytes = sealed.bytes.clone();
        bytes[at] ^= 1;
        assert!(vault.open_grant(mine, Kind::RefreshToken, &bytes).is_err(), "byte {at}");
        assert!(vault.open_grant(mine, Kind::RefreshToken, &sealed.bytes[..at]).is_err(), "cut at {at}");
    }
}

#[test]
fn no_secret_is_in_clear_in_what_is_sealed() {
    let (vault, sample) = (vault(), connector("sample"));
    let sealed =
        vault.seal_grant(identity(1, &sample, "t"), Kind::RefreshToken, &Secret::new("planted".into()));
    let bytes = sealed.unwrap().bytes;
    assert!(!bytes.windows(7).any(|window| window == b"planted"));
}

#[test]
fn after_rotation_old_grants_open_and_are_rewrapped_without_the_old_key() {
    let (chance, sample) = (Chance::seeded(2), connector("sample"));
    let mine = identity(1, &sample, "t");
    let first = KeyRing::generate(&chance);
    let rotated = first.rotated(&chance);
    let vault = Vault::new(first, chance.clone());
    let old = vault.seal_grant(mine, Kind::RefreshToken, &Secret::new("planted".into())).unwrap();
    vault.replace_ring(rotated.clone());
    assert_eq!(vault.open_grant(mine, Kind::RefreshToken, &old.bytes).unwrap().expose(), "planted");
    let new = vault.rewrap_grant(mine, &old.bytes).unwrap();
    assert_eq!(key_version_of(&new.bytes), Some(2));
    assert_eq!((old.key_version, new.key_version), (1, 2));
    vault.replace_ring(rotated.without(1).unwrap());
    assert_eq!(vault.open_grant(mine, Kind::RefreshToken, &new.bytes).unwrap().expose(), "planted");
    let missing = vault.open_grant(mine, Kind::RefreshToken, &old.bytes).unwrap_err();
    assert_eq!(missing, VaultError::MissingKey(1));
    assert_eq!(vault.require_key(1).unwrap_err(), VaultError::MissingKey(1));
}

#[test]
fn a_check_value_tells_the_right_key_from_a_wrong_and_a_missing_one() {
    let (right, chance) = (vault(), Chance::seeded(99));
    let check = right.check_value(1).unwrap();
    assert_eq!(right.verify_key(1, &check), Ok(()));
    let wrong = Vault::new(KeyRing::generate(&chance), chance);
    assert_eq!(wrong.verify_key(1, &check), Err(VaultError::WontOpen));
    assert_eq!(wrong.verify_key(2, &check), Err(VaultError::MissingKey(2)));
    assert_eq!(right.verify_key(1, &check[..20]), Err(VaultError::WontOpen));
}

#[tokio::test]
async fn a_grant_sealed_by_a_newer_key_of_the_source_is_opened() {
    let (folder, chance, sample) = (tempfile::tempdir().unwrap(), Chance::seeded(2), connector("sample"));
    let path = folder.path().join("keys");
    let first = KeyRing::generate(&chance);
    first.save_new(&path).unwrap();
    let ours = Vault::over(KeySource::File(path.clone()), first.clone(), chance.clone());
    let rotated = first.rotated(&chance);
    rotated.save(&path).unwrap();
    let mine = identity(1, &sample, "t");
    let theirs = Vault::new(rotated, chance.clone());
    let sealed = theirs.seal_grant(mine, Kind::RefreshToken, &Secret::new("planted".into())).unwrap();
    assert!(ours.open_grant(mine, Kind::RefreshToken, &sealed.bytes).is_err());
    let opened = ours.open_current(mine, Kind::RefreshToken, &sealed.bytes).await.unwrap();
    assert_eq!(opened.expose(), "planted");
    // A source that shows another key under a known version is not believed.
    KeyRing::generate(&chance).save(&path).unwrap();
    assert!(matches!(ours.reread().await, Err(KeyFault::Changed(1))));
    assert_eq!(ours.newest_key(), 2);
}

#[test]
fn another_key_of_the_same_version_opens_nothing() {
    let sample = connector("sample");
    let mine = identity(1, &sample, "t");
    let sealed = vault().seal_grant(mine, Kind::RefreshToken, &Secret::new("x".into())).unwrap();
    let chance = Chance::seeded(99);
    let other = Vault::new(KeyRing::generate(&chance), chance);
    assert_eq!(other.open_grant(mine, Kind::RefreshToken, &sealed.bytes).unwrap_err(), VaultError::WontOpen);
}
