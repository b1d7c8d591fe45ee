//! What all batches share: each item is read by itself, and each refusal is carried whole.

use prost::Message as _;

use crate::{
    call::{BATCH_ITEMS_MAX, Batch, BatchRead},
    field::{self, FieldViolation, Nested as _},
};

/// The items of a batch. What is malformed in one is named by its path and spoils no other.
pub(super) fn batch<I, C>(
    items: Vec<I>,
    request_id: &str,
    validate_only: bool,
) -> Result<Batch<C>, FieldViolation>
where
    C: TryFrom<I, Error = FieldViolation>,
{
    let BatchRead { items } = batch_read(items)?;
    let request_id = field::optional_uuid(request_id, "request_id")?;
    Ok(Batch { items, request_id, validate_only })
}

/// The same of a batch that only asks.
pub(super) fn batch_read<I, C>(items: Vec<I>) -> Result<BatchRead<C>, FieldViolation>
where
    C: TryFrom<I, Error = FieldViolation>,
{
    let count = items.len();
    if !(1..=BATCH_ITEMS_MAX).contains(&count) {
        let description = format!("must be 1 to {BATCH_ITEMS_MAX}; it has {count}");
        return Err(FieldViolation::new("items", description));
    }
    let items = items.into_iter().enumerate();
    let items = items.map(|(index, item)| C::try_from(item).field(format_args!("items[{index}]")));
    Ok(BatchRead { items: items.collect() })
}

/// A refusal as a message. Its details are that message already, where it has any.
pub(super) fn wire_status(status: &tonic::Status) -> tonic_types::Status {
    let bare = tonic_types::Status {
        code: status.code().into(),
        message: status.message().to_owned(),
        details: Vec::new(),
    };
    match tonic_types::Status::decode(status.details()) {
        Ok(whole) if whole.code == bare.code => whole,
        Ok(_) | Err(_) => bare,
    }
}
