use super::*;

fn key() -> RowKey {
    RowKey::new(&Secret32::new(*b"thirty-two octets of no meaning!"))
}

#[test]
fn a_row_mac_belongs_to_one_table_one_key_and_one_division_into_columns() {
    let mac = key().mac("users", &[b"ab", b"c"]).0;
    assert!(key().verifies("users", &[b"ab", b"c"], &mac));
    assert!(!key().verifies("keys", &[b"ab", b"c"], &mac));
    assert!(!key().verifies("users", &[b"a", b"bc"], &mac));
    assert!(!key().verifies("users", &[b"ab", b"c", b""], &mac));
    assert!(!key().verifies("users", &[b"abc"], &mac));
    assert!(!RowKey::new(&Secret32::new(*b"thirty-two octets of some other!")).verifies("users", &[b"ab", b"c"], &mac));
}

#[test]
fn a_row_mac_with_a_changed_octet_or_another_length_does_not_verify() {
    let mac = key().mac("users", &[b"ab"]).0;
    for place in 0..mac.len() {
        let mut changed = mac;
        changed[place] ^= 0x80;
        assert!(!key().verifies("users", &[b"ab"], &changed));
        assert!(!key().verifies("users", &[b"ab"], &mac[..place]));
    }
    assert!(!key().verifies("users", &[b"ab"], &[mac.as_slice(), &[0]].concat()));
}
