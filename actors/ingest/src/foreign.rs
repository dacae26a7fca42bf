//! Parquet files of other people: some columns of them, and an error where polars would panic, because the
//! file is damaged or holds a type that polars was not built for.

use polars::prelude::*;
use polars_parquet::parquet::metadata::SchemaDescriptor;
use polars_parquet::parquet::schema::types::{
    IntegerType, ParquetType, PrimitiveConvertedType, PrimitiveLogicalType, PrimitiveType,
};
use std::any::Any;
use std::cell::Cell;
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A column of a file.
pub(crate) struct Header {
    pub name: String,
    /// Its type, if no such column can be read.
    pub unreadable: Option<String>,
}

/// All columns of a file, in their order, and of those that are `wanted` and can be read, the values.
/// Integers of 8 and 16 bits become 32 bits wide.
pub(crate) fn read(
    bytes: &[u8],
    wanted: impl Fn(&str) -> bool,
) -> Result<(Vec<Header>, DataFrame), String> {
    guarded(|| {
        let text = |error: PolarsError| error.to_string();
        let mut reader = ParquetReader::new(Cursor::new(bytes));
        let schema = reader.schema().map_err(text)?;
        let header = |(name, field): (&PlSmallStr, &ArrowField)| Header {
            name: name.to_string(),
            unreadable: unreadable(&field.dtype),
        };
        let headers: Vec<Header> = schema.iter().map(header).collect();
        let readable = headers.iter().filter(|header| header.unreadable.is_none());
        let columns = readable.map(|header| header.name.clone()).filter(|name| wanted(name));
        // Without the types as Arrow has them, which say again what the widened ones no longer are.
        let mut plain = FileMetadata::clone(reader.get_metadata().map_err(text)?);
        plain.key_value_metadata = None;
        let fields = plain.schema().fields().iter().cloned().map(widened).collect();
        plain.schema_descr = SchemaDescriptor::new(plain.schema().name().into(), fields);
        let mut reader = ParquetReader::new(Cursor::new(bytes));
        reader.set_metadata(Arc::new(plain));
        let mut frame = reader.with_columns(Some(columns.collect())).finish().map_err(text)?;
        frame.rechunk_mut();
        Ok((headers, frame))
    })
}

/// A Parquet file stores small integers with 32 bits and a note; without the note that is what they are.
fn widened(mut field: ParquetType) -> ParquetType {
    if let ParquetType::PrimitiveType(PrimitiveType { logical_type, converted_type, .. }) =
        &mut field
    {
        use IntegerType::{Int8, Int16, UInt8, UInt16};
        use PrimitiveConvertedType as Converted;
        let small = matches!(
            logical_type,
            Some(PrimitiveLogicalType::Integer(Int8 | Int16 | UInt8 | UInt16))
        ) || matches!(
            converted_type,
            Some(Converted::Int8 | Converted::Int16 | Converted::Uint8 | Converted::Uint16)
        );
        if small {
            (*logical_type, *converted_type) = (None, None);
        }
    }
    field
}

/// The name of a type that is neither a number, a day, a time nor text.
fn unreadable(dtype: &ArrowDataType) -> Option<String> {
    use ArrowDataType as T;
    let name = match dtype {
        T::Null
        | T::Int8
        | T::Int16
        | T::Int32
        | T::Int64
        | T::UInt8
        | T::UInt16
        | T::UInt32
        | T::UInt64
        | T::Float32
        | T::Float64
        | T::Date32
        | T::Date64
        | T::Timestamp(..)
        | T::Binary
        | T::LargeBinary
        | T::BinaryView
        | T::Utf8
        | T::LargeUtf8
        | T::Utf8View => return None,
        T::Dictionary(_, value, _) => return unreadable(value),
        T::Boolean => "boolean",
        T::Float16 => "float16",
        T::Duration(_) => "duration",
        T::Time32(_) | T::Time64(_) => "time of day",
        T::Decimal(..) | T::Decimal32(..) | T::Decimal64(..) | T::Decimal256(..) => "decimal",
        T::List(_) | T::LargeList(_) | T::FixedSizeList(..) => "list",
        T::Map(..) => "map",
        T::Struct(_) => "struct",
        other => return Some(format!("{other:?}")),
    };
    Some(name.to_owned())
}

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Reads under way on all threads.
static READING: AtomicUsize = AtomicUsize::new(0);

/// What `read` says; a panic of polars in it is an error.
pub(crate) fn guarded<T>(read: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    hush();
    let outer = GUARDED.replace(true);
    READING.fetch_add(1, Ordering::SeqCst);
    let result = catch_unwind(AssertUnwindSafe(read));
    READING.fetch_sub(1, Ordering::SeqCst);
    GUARDED.set(outer);
    result.unwrap_or_else(|panic| Err(format!("not a readable Parquet file ({})", said(&*panic))))
}

fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no more is known")
}

/// A panic that [`guarded`] turns into an error is not reported as one: on its thread, or on one of polars'
/// own, whose panics always reach the thread that waits for them.
fn hush() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let polars = || {
                let thread = std::thread::current();
                let of_polars = thread.name().is_some_and(|name| name.starts_with("polars"));
                of_polars && READING.load(Ordering::SeqCst) > 0
            };
            if !GUARDED.get() && !polars() {
                report(panic);
            }
        }));
    });
}
