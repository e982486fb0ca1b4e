//! The made-up registers in the languages of others.

use std::fmt::Write;

/// The fields of each register: name, first and last bit.
const FIELDS: [(&str, u32, u32); 4] =
    [("ENABLE", 63, 63), ("MODE", 62, 60), ("COUNT", 59, 32), ("LEVEL", 31, 0)];

/// Describes registers in Arm's System View Description.
pub(super) fn svd(count: usize) -> String {
    let mut text = "<?xml version=\"1.0\" encoding=\"utf-8\"?>
<device schemaVersion=\"1.3\"><name>MADE</name><version>1</version><description>Made up</description>
<addressUnitBits>8</addressUnitBits><width>64</width><size>64</size><access>read-write</access>
<peripherals><peripheral><name>ALL</name><description>Registers</description><baseAddress>0x10000000</baseAddress>
<registers>
"
    .to_owned();
    for index in 0..count {
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "<register><name>REG_{index:05}</name><description>Register {index}</description><addressOffset>{:#x}</addressOffset><fields>",
            index * 8
        );
        for (name, msb, lsb) in FIELDS {
            let doc = doc(name, index);
            let _ = write!(
                text,
                "<field><name>{name}</name><description>{doc}</description><bitRange>[{msb}:{lsb}]</bitRange></field>"
            );
        }
        text.push_str("</fields></register>\n");
    }
    text.push_str("</registers></peripheral></peripherals></device>\n");
    text
}

/// Describes registers in the language of device-driver.
pub(super) fn ddsl(count: usize) -> String {
    let mut text =
        "device Made {\n  default-byte-order: LE,\n  register-address-type: u32,\n  default-access: RW,\n".to_owned();
    for index in 0..count {
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "  /// Register {index}\n  register Reg{index:05} {{\n    address: {},\n    fields: fieldset Reg{index:05}Fields {{\n      size-bytes: 8,\n",
            index * 8
        );
        for (name, msb, lsb) in FIELDS {
            let kind = if msb == lsb { "bool" } else { "uint" };
            let bits = if msb == lsb { msb.to_string() } else { format!("{msb}:{lsb}") };
            let _ = write!(
                text,
                "      /// {}\n      field {} {bits} -> {kind},\n",
                doc(name, index),
                name.to_lowercase()
            );
        }
        text.push_str("    }\n  },\n");
    }
    text.push_str("}\n");
    text
}

fn doc(field: &str, index: usize) -> String {
    if field == "LEVEL" { format!("Level of {index}") } else { field.to_owned() }
}
