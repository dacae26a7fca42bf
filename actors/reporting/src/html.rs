use crate::performance::Performance;
use crate::record::SessionRecord;
pub(crate) fn page(_records: &[&SessionRecord], _performance: &Performance) -> String {
    String::new()
}
