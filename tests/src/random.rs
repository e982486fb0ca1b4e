//! Tables that are made up at random, and right.

use std::fmt::Write;

/// Takes numbers below a bound from some source of randomness.
pub type Dice<'a> = dyn FnMut(u32) -> u32 + 'a;

/// A table, and what has to come of it.
#[derive(Debug)]
pub struct Table {
    /// Text of `arch.yaml`, with one group in `rows.yaml`.
    pub arch: String,
    /// Text of `rows.yaml`.
    pub rows: String,
    /// Every register: name, id, width.
    pub registers: Vec<(String, u64, u32)>,
    /// Line of `rows.yaml` where each row begins, from 1, with the row's name.
    pub lines: Vec<(usize, String)>,
}

const CODE: u64 = 0x7e;

/// Number bits of a row's members: more than there are rows times the most members of a family.
const MEMBERS: u32 = 8;

/// Makes up an architecture of one to twenty rows.
///
/// Ids are computed here once more, by the formula of the grammar.
pub fn table(dice: &mut Dice<'_>) -> Table {
    let base = u64::from(1 + dice(0xfff)) << 20;
    let arch = format!(
        "arch: random\ncode: {CODE:#x}\nkernel: \"7.3\"\ndoc: \"Made up\"\ngroups:\n  \
         all: {{file: rows.yaml, base: {base:#x}, number: \"19..0\", doc: \"Registers\"}}\n"
    );
    let mut table =
        Table { arch, rows: "registers:\n".to_owned(), registers: Vec::new(), lines: Vec::new() };
    for index in 0..1 + dice(20) {
        add_row(&mut table, base, index, dice);
    }
    table
}

fn add_row(table: &mut Table, base: u64, index: u32, dice: &mut Dice<'_>) {
    let size = dice(9);
    let (width, members, stride) = (8 << size, 1 + dice(4), 1 + dice(2));
    let number = index * MEMBERS;
    let name = match members {
        1 => format!("R{index}"),
        _ => format!("\"R{index}_{{0..{}}}\"", members - 1),
    };
    let line = table.rows.lines().count() + 1;
    table.lines.push((line, name.clone()));
    let stride_key = if members > 1 { format!(", stride: {stride}") } else { String::new() };
    let access = ["", ", access: ro", ", access: wo"][dice(3) as usize];
    let described = width <= 128 && dice(2) == 0;
    // Writing to a string cannot fail.
    let _ = if described {
        let keys = format!("{stride_key}{access}").replace(", ", "\n    ");
        let text = format!("  - name: {name}\n    width: {width}\n    number: {number:#x}{keys}\n");
        write!(table.rows, "{text}    doc: \"Row {index}\"\n    fields:\n{}", fields(width, dice))
    } else {
        let start = format!("  - {{name: {name}, width: {width}, number: {number:#x}");
        writeln!(table.rows, "{start}{stride_key}{access}, doc: \"Row {index}\"}}")
    };
    for member in 0..members {
        let name = if members == 1 { format!("R{index}") } else { format!("R{index}_{member}") };
        let id = CODE << 56
            | u64::from(size) << 52
            | base
            | u64::from(number + member * if members > 1 { stride } else { 0 });
        table.registers.push((name, id, width));
    }
}

/// Describes all bits of a register, from the highest down, with fields of random width and kind.
fn fields(width: u32, dice: &mut Dice<'_>) -> String {
    let mut text = String::new();
    let mut reserved = Vec::new();
    let mut end = width;
    while end > 0 {
        let start = end - 1 - dice(end.min(64));
        let bits =
            if end - start == 1 { start.to_string() } else { format!("\"{}..{start}\"", end - 1) };
        let name = format!("F{start}");
        // Writing to a string cannot fail.
        let _ = match dice(4) {
            0 => {
                reserved.push(bits);
                Ok(())
            }
            1 => writeln!(text, "      {name}: {{bits: {bits}, enum: {{OFF: 0, ON: 1}}}}"),
            2 if end - start > 1 => writeln!(text, "      {name}: {{bits: {bits}, kind: int}}"),
            _ => writeln!(text, "      {name}: {bits}"),
        };
        end = start;
    }
    if !reserved.is_empty() {
        let _ = writeln!(text, "      RES0: [{}]", reserved.join(", "));
    }
    text
}
