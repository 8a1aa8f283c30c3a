use minisign::KeyPair;

use super::*;

const BYTES: &[u8] = b"a component";

type Names = &'static [&'static str];

/// Anna, Bob and Carol; the operator pins the first two or three.
struct People(Vec<(&'static str, KeyPair)>);

impl People {
    fn new() -> Self {
        let pair = || KeyPair::generate_unencrypted_keypair().unwrap();
        Self(["anna", "bob", "carol", "foreign"].map(|name| (name, pair())).into())
    }

    fn pair(&self, name: &str) -> &KeyPair {
        &self.0.iter().find(|(other, _)| *other == name).unwrap().1
    }

    fn trust(&self, pinned: &[&str], all_of: &[&str], any_of: &[&str]) -> Trust {
        let keys = pinned.iter().map(|name| ((*name).to_owned(), self.pair(name).pk.to_base64()));
        Trust::new(&keys.collect(), &owned(all_of), &owned(any_of)).unwrap()
    }

    fn sign(&self, name: &str, bytes: &[u8]) -> String {
        let pair = self.pair(name);
        minisign::sign(Some(&pair.pk), &pair.sk, bytes, None, None).unwrap().into_string()
    }

    /// `anna` has signed, `anna!` has signed other bytes.
    fn vouchers(&self, signers: &[&str]) -> Vouchers {
        let texts: Vec<String> = signers
            .iter()
            .map(|name| match name.strip_suffix('!') {
                Some(name) => self.sign(name, b"other bytes"),
                None => self.sign(name, BYTES),
            })
            .collect();
        Vouchers { bundled: false, signatures: signatures(&texts).unwrap() }
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// `signed by …`, or the codes of what is missing and wrong with whom they name.
fn told(judged: Result<Word, Untrusted>) -> String {
    let who = |finding: &Finding| {
        let named = ["anna", "bob", "carol"].into_iter().filter(|name| finding.sentence.contains(name));
        format!("{} {}", &finding.code[4..], named.collect::<Vec<_>>().join("+")).trim().to_owned()
    };
    match judged {
        Ok(word) => word.to_string(),
        Err(refused) => refused.findings.iter().map(who).collect::<Vec<_>>().join(", "),
    }
}

#[test]
fn who_must_have_signed_is_decided_by_this_table() {
    let people = People::new();
    let both: Names = &["anna", "bob"];
    let all: Names = &["anna", "bob", "carol"];
    // pinned, all-of, any-of, who signed -> told
    let table: &[(Names, Names, Names, Names, &str)] = &[
        (&[], &[], &[], &[], "not signed"),
        (&[], &[], &[], &["anna"], "signed, but no key is pinned to check that by"),
        (both, &[], &[], &["anna"], "signed by anna"),
        (both, &[], &[], &["bob"], "signed by bob"),
        (both, &[], &[], &[], "402 anna+bob"),
        (both, &[], &[], &["foreign"], "402 anna+bob, 404"),
        (both, &[], &[], &["anna!"], "403 anna, 402 anna+bob"),
        (both, both, &[], &["anna", "bob"], "signed by anna, bob"),
        (both, both, &[], &["anna"], "401 bob"),
        (both, both, &[], &[], "401 anna, 401 bob"),
        (both, both, &[], &["anna", "bob!"], "403 bob, 401 bob"),
        (both, both, &[], &["anna", "foreign"], "401 bob, 404"),
        (both, &[], both, &["bob"], "signed by bob"),
        (both, &[], both, &["anna", "bob"], "signed by anna, bob"),
        (both, &[], both, &["foreign"], "402 anna+bob, 404"),
        (both, &[], both, &["anna", "bob!"], "403 bob"),
        (both, &[], &["anna"], &["bob"], "402 anna"),
        (both, &[], both, &["anna", "foreign"], "signed by anna"),
        (all, &["anna"], &["bob", "carol"], &["anna", "carol"], "signed by anna, carol"),
        (all, &["anna"], &["bob", "carol"], &["anna"], "402 bob+carol"),
        (all, &["anna"], &["bob", "carol"], &["bob", "carol"], "401 anna"),
        (all, &["anna"], &["bob", "carol"], &["foreign"], "401 anna, 402 bob+carol, 404"),
    ];
    for (pinned, all_of, any_of, signers, expected) in table {
        let judged = people.trust(pinned, all_of, any_of).judge(BYTES, &people.vouchers(signers));
        assert_eq!(told(judged), *expected, "{pinned:?} all-of {all_of:?} any-of {any_of:?}: {signers:?}");
    }
}

#[test]
fn bytes_changed_after_they_were_signed_are_refused() {
    let people = People::new();
    let trust = people.trust(&["anna"], &["anna"], &[]);
    let vouchers = people.vouchers(&["anna"]);
    assert!(trust.judge(BYTES, &vouchers).is_ok());
    for at in 0..BYTES.len() {
        let mut changed = BYTES.to_vec();
        changed[at] ^= 1;
        assert_eq!(told(trust.judge(&changed, &vouchers)), "403 anna, 401 anna");
    }
    assert_eq!(told(trust.judge(b"", &vouchers)), "403 anna, 401 anna");
}

#[test]
fn what_came_with_purser_needs_no_signature() {
    let people = People::new();
    let vouchers = Vouchers { bundled: true, ..Vouchers::default() };
    let word = people.trust(&["anna"], &["anna"], &[]).judge(BYTES, &vouchers);
    assert_eq!(told(word), "came with Purser");
}

#[test]
fn a_signature_under_another_keys_id_is_worth_nothing() {
    let people = People::new();
    let mut vouchers = people.vouchers(&["foreign"]);
    let text = vouchers.signatures.pop_first().unwrap().1;
    let (id, _) = people.vouchers(&["anna"]).signatures.pop_first().unwrap();
    vouchers.signatures.insert(id, text);
    let judged = people.trust(&["anna"], &[], &[]).judge(BYTES, &vouchers);
    assert_eq!(told(judged), "403 anna, 402 anna");
}

#[test]
fn what_is_no_signature_is_told_by_its_number() {
    let people = People::new();
    let good = people.sign("anna", BYTES);
    // "ED" becomes "Ed": the kind that is not over the hash.
    let legacy = good.replacen("\nRU", "\nRW", 1);
    let cut: String = good.lines().take(3).map(|line| format!("{line}\n")).collect();
    assert_ne!(legacy, good);
    let texts = [good.clone(), legacy, String::new(), "no signature".into(), cut, "x".repeat(5000)];
    let refused = signatures(&texts).unwrap_err();
    assert_eq!(refused.findings.len(), 5, "{refused}");
    assert!(refused.to_string().starts_with("PLG-400") && refused.to_string().contains("number 2"));
    assert_eq!(signatures(&[good.replace('\n', "\r\n")]).unwrap().len(), 1, "as Windows writes it");
}

#[test]
fn keys_that_cannot_be_used_are_named() {
    let people = People::new();
    let key = |name: &str| people.pair(name).pk.to_base64();
    let keys = |given: &[(&str, String)]| -> BTreeMap<String, String> {
        given.iter().map(|(name, text)| ((*name).to_owned(), text.clone())).collect()
    };
    let made = |given: &[(&str, String)], all_of: &[&str], any_of: &[&str]| {
        Trust::new(&keys(given), &owned(all_of), &owned(any_of)).map(|_| ())
    };
    let as_file = people.pair("anna").pk.to_box().unwrap().to_string();
    assert_eq!(made(&[("anna", as_file)], &["anna"], &[]), Ok(()), "the whole file is a key, too");
    let same = made(&[("anna", key("anna")), ("bob", key("anna"))], &[], &[]);
    assert_eq!(same, Err(Unusable::Same("anna".into(), "bob".into())), "one person would sign for two");
    for text in ["", "RW", "no key", &key("anna")[1..]] {
        assert_eq!(made(&[("anna", text.into())], &[], &[]), Err(Unusable::NoKey("anna".into())), "{text:?}");
    }
    let unknown = Err(Unusable::Unknown("bob".into()));
    assert_eq!(made(&[("anna", key("anna"))], &["bob"], &[]), unknown);
    assert_eq!(made(&[("anna", key("anna"))], &[], &["bob"]), unknown);
    assert_eq!(made(&[], &["bob"], &[]), unknown, "a rule without keys is not passed over");
}
