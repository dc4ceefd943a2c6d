//! The deserializer over a tree of values.

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error, Expected, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Number, Value, map};

use crate::error::{DecodeError, Problem};
use crate::path::Step;

/// Decodes a configuration.
///
/// # Errors
/// If the value does not have the shape of `T`, or `T` refuses it; the first such problem.
pub fn decode<T: DeserializeOwned>(value: &Value) -> Result<T, DecodeError> {
    T::deserialize(Decoder(value))
}

/// Deserializer of one value.
struct Decoder<'v>(&'v Value);

type Result<T, E = DecodeError> = std::result::Result<T, E>;

impl<'de> Deserializer<'de> for Decoder<'de> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(bool) => visitor.visit_bool(*bool),
            Value::Number(number) => visit_number(number, visitor),
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(list) => visitor.visit_seq(List { elements: list.iter(), index: 0 }),
            Value::Object(object) => visitor.visit_map(Object::new(object)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        match self.0 {
            Value::String(name) => visitor.visit_enum(Variant { name, value: None }),
            Value::Object(object) if object.len() == 1 => match object.iter().next() {
                Some((name, value)) => visitor.visit_enum(Variant { name, value: Some(value) }),
                None => Err(wrong_type(self.0, &visitor)),
            },
            value => Err(wrong_type(value, &visitor)),
        }
    }

    // Only what the type asks for is compiled: a struct is never read from a list, nor a list from an object.

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.deserialize_map(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.0 {
            Value::Object(object) => visitor.visit_map(Object::new(object)),
            value => Err(wrong_type(value, &visitor)),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.0 {
            Value::Array(list) => visitor.visit_seq(List { elements: list.iter(), index: 0 }),
            value => Err(wrong_type(value, &visitor)),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.0 {
            Value::String(text) => visitor.visit_borrowed_str(text),
            value => Err(wrong_type(value, &visitor)),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.0 {
            Value::Bool(bool) => visitor.visit_bool(*bool),
            value => Err(wrong_type(value, &visitor)),
        }
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.0 {
            Value::Number(number) => visit_number(number, visitor),
            value => Err(wrong_type(value, &visitor)),
        }
    }

    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_str(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! { i8 i16 i32 i128 u128 f32 char bytes byte_buf unit unit_struct tuple tuple_struct }
}

fn visit_number<'v, V: Visitor<'v>>(number: &Number, visitor: V) -> Result<V::Value> {
    if let Some(number) = number.as_u64() {
        visitor.visit_u64(number)
    } else if let Some(number) = number.as_i64() {
        visitor.visit_i64(number)
    } else {
        let number = number.as_f64();
        debug_assert!(number.is_some(), "a number without arbitrary precision is an integer or a double");
        visitor.visit_f64(number.unwrap_or(f64::NAN))
    }
}

#[cold]
fn wrong_type(found: &Value, expected: &dyn Expected) -> DecodeError {
    let found = match found {
        Value::Null => Unexpected::Unit,
        Value::Bool(bool) => Unexpected::Bool(*bool),
        Value::Number(number) if number.is_f64() => Unexpected::Float(0.0),
        Value::Number(_) => Unexpected::Unsigned(0),
        Value::String(_) => Unexpected::Str(""),
        Value::Array(_) => Unexpected::Seq,
        Value::Object(_) => Unexpected::Map,
    };
    DecodeError::invalid_type(found, expected)
}

/// Elements of a list that have not been decoded yet.
struct List<'v> {
    elements: std::slice::Iter<'v, Value>,
    index: usize,
}

impl<'v> SeqAccess<'v> for List<'v> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'v>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        let Some(element) = self.elements.next() else { return Ok(None) };
        let index = self.index;
        self.index += 1;
        seed.deserialize(Decoder(element)).map(Some).map_err(|error| error.at(Step::Index(index)))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.elements.len())
    }
}

/// Members of an object that have not been decoded yet.
struct Object<'v> {
    members: map::Iter<'v>,
    current: Option<(&'v str, &'v Value)>,
}

impl<'v> Object<'v> {
    fn new(object: &'v Map<String, Value>) -> Object<'v> {
        Object { members: object.iter(), current: None }
    }
}

impl<'v> MapAccess<'v> for Object<'v> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'v>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        let Some((key, value)) = self.members.next() else { return Ok(None) };
        self.current = Some((key, value));
        let key: StrDeserializer<'v, DecodeError> = key.as_str().into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'v>>(&mut self, seed: T) -> Result<T::Value> {
        let Some((key, value)) = self.current.take() else {
            return Err(DecodeError::custom("a value was read before its key"));
        };
        seed.deserialize(Decoder(value)).map_err(|error| error.at(Step::Key(key.into())))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.members.len())
    }
}

/// Variant of an enum: its name, or an object with its name as the only key.
struct Variant<'v> {
    name: &'v str,
    value: Option<&'v Value>,
}

impl<'v> EnumAccess<'v> for Variant<'v> {
    type Error = DecodeError;
    type Variant = Content<'v>;

    fn variant_seed<T: DeserializeSeed<'v>>(self, seed: T) -> Result<(T::Value, Content<'v>)> {
        let name: StrDeserializer<'v, DecodeError> = self.name.into_deserializer();
        let variant = seed.deserialize(name)?;
        Ok((variant, Content { name: self.name, value: self.value }))
    }
}

/// Content of a variant.
struct Content<'v> {
    name: &'v str,
    value: Option<&'v Value>,
}

impl<'v> Content<'v> {
    fn decoder(&self) -> Result<Decoder<'v>> {
        self.value.map(Decoder).ok_or_else(|| {
            DecodeError::new(Problem::Invalid(format!("`{}` needs a value: write `{}: ...`", self.name, self.name)))
        })
    }

    fn at(&self) -> impl FnOnce(DecodeError) -> DecodeError + use<'v> {
        let name = self.name;
        move |error| error.at(Step::Key(name.into()))
    }
}

impl<'v> VariantAccess<'v> for Content<'v> {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<()> {
        match self.value {
            None | Some(Value::Null) => Ok(()),
            Some(_) => Err(DecodeError::custom(format_args!("`{}` has no value", self.name))),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'v>>(self, seed: T) -> Result<T::Value> {
        seed.deserialize(self.decoder()?).map_err(self.at())
    }

    fn tuple_variant<V: Visitor<'v>>(self, _: usize, visitor: V) -> Result<V::Value> {
        self.decoder()?.deserialize_seq(visitor).map_err(self.at())
    }

    fn struct_variant<V: Visitor<'v>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value> {
        self.decoder()?.deserialize_map(visitor).map_err(self.at())
    }
}

#[cfg(test)]
mod tests;
