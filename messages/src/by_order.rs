//! A table of what is known of orders.

use std::collections::BTreeMap;

/// Entries by client order id, in the order they came. Ids of one session begin alike, so they are told apart by
/// their ends, as numbers: a session asks for its orders far more often than for anything else.
#[derive(Clone, Debug)]
pub struct ByOrder<T> {
    entries: Vec<(String, T)>,
    /// Where the ids with this end stand.
    places: BTreeMap<u128, Vec<usize>>,
}

impl<T> Default for ByOrder<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), places: BTreeMap::new() }
    }
}

impl<T> ByOrder<T> {
    /// Its place; `None`: nobody has inserted it.
    pub fn find(&self, client_order_id: &str) -> Option<usize> {
        let alike = self.places.get(&end(client_order_id))?;
        alike.iter().copied().find(|place| self.entries[*place].0 == client_order_id)
    }

    pub fn get(&self, client_order_id: &str) -> Option<&T> {
        self.find(client_order_id).map(|place| &self.entries[place].1)
    }

    /// At a place that was given here.
    pub fn at(&self, place: usize) -> &T {
        &self.entries[place].1
    }

    /// As [`ByOrder::at`].
    pub fn at_mut(&mut self, place: usize) -> &mut T {
        &mut self.entries[place].1
    }

    /// Its place; an entry that is there already stays as it is.
    pub fn insert_with(&mut self, client_order_id: &str, new: impl FnOnce() -> T) -> usize {
        if let Some(place) = self.find(client_order_id) {
            return place;
        }
        let place = self.entries.len();
        self.entries.push((client_order_id.to_owned(), new()));
        self.places.entry(end(client_order_id)).or_default().push(place);
        place
    }

    /// In the order they came.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &T> + ExactSizeIterator {
        self.entries.iter().map(|(_, value)| value)
    }
}

/// The last 16 bytes.
fn end(id: &str) -> u128 {
    let bytes = id.as_bytes();
    match bytes.last_chunk() {
        Some(last) => u128::from_be_bytes(*last),
        None => bytes.iter().fold(0, |end, byte| (end << 8) | u128::from(*byte)),
    }
}

#[cfg(test)]
mod tests {
    use super::ByOrder;
    use proptest::prelude::*;

    proptest! {
        /// Many ids with the same last 16 bytes, some of them shorter.
        #[test]
        fn what_is_inserted_first_is_found(ids in prop::collection::vec("[ab]{0,3}(-0123456789abcde|[ab]?)", 0..40)) {
            let mut table = ByOrder::default();
            for (number, id) in ids.iter().enumerate() {
                let first = ids.iter().position(|other| other == id).unwrap();
                let known = table.get(id).copied();
                prop_assert_eq!(known, (first < number).then_some(first));
                let place = table.insert_with(id, || number);
                prop_assert_eq!((table.find(id), *table.at(place)), (Some(place), first));
            }
            let mut distinct: Vec<usize> = table.values().copied().collect();
            prop_assert!(distinct.is_sorted());
            distinct.dedup();
            prop_assert_eq!(distinct.len(), ids.iter().collect::<std::collections::BTreeSet<_>>().len());
            prop_assert_eq!(table.get("c"), None);
        }
    }
}
