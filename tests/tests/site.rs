//! The site in a browser: links, search, decoder, colours, keyboard.
//!
//! Without Chromium the tests fail where `CI=true`, and say that they skip elsewhere.

mod browser;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use onereg_codegen::model::{Arch, Field, Host, Layout, Register, Width};
use onereg_codegen::query::{FieldValue, Member, all_members, field_values, members};
use onereg_codegen::{Sources, load};
use onereg_tests::tables;
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::browser::site::Site;

/// Most bytes of the first page, with everything that it loads.
const FIRST_PAGE: u64 = 300 * 1024;
/// Least contrast of text: what WCAG 2 asks for at level AA.
const CONTRAST: f64 = 4.5;

/// Runs a test on the site of the repository's tables: its pages say nothing on the console and ask no server.
fn on_site(name: &str, test: impl FnOnce(&mut Browser, &Site)) {
    let Some(mut browser) = Browser::start(name) else { return };
    let site = Site::new(name);
    browser.resize(1280, 900);
    test(&mut browser, &site);
    finish(&browser, &site);
}

fn finish(browser: &Browser, site: &Site) {
    assert_eq!(browser.complaints, [""; 0]);
    let folder = site.address("");
    let strange: Vec<_> = browser
        .requests
        .iter()
        .filter(|url| !url.starts_with(&folder) && !url.starts_with("data:"))
        .collect();
    assert!(strange.is_empty(), "{strange:?}");
}

#[test]
fn the_first_page_is_small_and_loads_the_index_when_somebody_searches() {
    on_site("first", |browser, site| {
        browser.open(&site.address("index.html"));
        let local = |url: &str| url.strip_prefix(&site.address("")).map(str::to_owned);
        let names: BTreeSet<_> = browser.requests.iter().filter_map(|url| local(url)).collect();
        assert!(names.contains("index.html") && names.contains("site.css"), "{names:?}");
        let size = |name| fs::metadata(site.folder.join(name)).unwrap().len();
        let bytes: u64 = names.iter().map(size).sum();
        println!("first page: {bytes} bytes in {} files", names.len());
        assert!(bytes < FIRST_PAGE);
        assert!(!names.contains("index.js"), "{names:?}");
        browser.write("/");
        browser.wait("catalogue !== null");
        assert!(browser.requests.iter().any(|url| *url == site.address("index.js")));
    });
}

#[test]
fn every_link_leads_somewhere() {
    on_site("links", |browser, site| {
        let mut anchors = BTreeMap::new();
        let mut links = Vec::new();
        for page in site.pages() {
            browser.open(&site.address(&page));
            let ids = strings(browser, "[...document.querySelectorAll('[id]')].map((e) => e.id)");
            let hrefs =
                "[...document.querySelectorAll('[href]')].map((e) => e.getAttribute('href'))";
            links.extend(strings(browser, hrefs).into_iter().map(|href| (page.clone(), href)));
            let unique: BTreeSet<_> = ids.iter().cloned().collect();
            assert_eq!(unique.len(), ids.len(), "{page} has an anchor twice");
            anchors.insert(page, unique);
        }
        let leads = |(page, href): &(String, String)| {
            let (to, anchor) = href.split_once('#').unwrap_or((href, ""));
            match anchors.get(if to.is_empty() { page.as_str() } else { to }) {
                Some(anchors) => anchor.is_empty() || anchors.contains(anchor),
                None => to == "data:," || site.folder.join(to).is_file(),
            }
        };
        let dead: Vec<_> = links.iter().filter(|link| !leads(link)).collect();
        assert!(dead.is_empty() && links.len() > 1000, "{} links, dead: {dead:?}", links.len());
        for member in site.archs.iter().flat_map(all_members) {
            let page = &anchors[&format!("{}.html", member.arch.name)];
            assert!(page.contains(&member.name()), "{} has no anchor", member.name());
        }
    });
}

#[test]
fn every_way_to_ask_finds_its_register() {
    let cases = [
        ("SCTLR_EL1", "arm64.html#SCTLR_EL1"),
        ("sctlr", "arm64.html#SCTLR_EL1"),
        ("arm64 x5", "arm64.html#X5"),
        ("SCTLR_EL1.M", "arm64.html#SCTLR_EL1.M"),
        ("sctlr_el1 ee", "arm64.html#SCTLR_EL1.EE"),
        ("umip", "x86.html#CR4.UMIP"),
        // The kernel's name of it.
        ("EFER_NX", "x86.html#EFER.NXE"),
        ("sstatus.uxl", "riscv.html#sstatus.UXL"),
        ("3 0 13 0 1", "arm64.html#CONTEXTIDR_EL1"),
        ("arm64 3 0 13 0 1", "arm64.html#CONTEXTIDR_EL1"),
        ("S3_0_C1_C0_0", "arm64.html#SCTLR_EL1"),
        // The kernel has these two swapped: the encoding is the manual's, the id the kernel's.
        ("S3_3_C14_C0_2", "arm64.html#CNTVCT_EL0"),
        ("0x603000000013df1a", "arm64.html#CNTVCT_EL0"),
        ("0xc0000080", "x86.html#EFER"),
        ("c0000080", "x86.html#EFER"),
        ("3221225600", "x86.html#EFER"),
        ("0xc0000080 0xd01", "x86.html#EFER=0xd01"),
        ("x86 kvm_regs+0x88", "x86.html#RFLAGS"),
        ("x86 regs + 136", "x86.html#RFLAGS"),
        ("SCTLR_EL1 0x30d0198d", "arm64.html#SCTLR_EL1=0x30d0198d"),
        ("sctlr_el1 5 4", "arm64.html#SCTLR_EL1=0x5,0x4"),
        ("S3_0_C1_C0_0 0b11", "arm64.html#SCTLR_EL1=0x3"),
        // It has no fields that a value could light up.
        ("X5 0x1", "arm64.html#X5"),
        ("no such register", ""),
    ];
    on_site("search", |browser, site| {
        browser.open(&site.address("index.html"));
        browser.write("/");
        for (query, href) in cases {
            browser.evaluate("document.getElementById('query').select()");
            browser.write(query);
            assert_eq!(first_result(browser), href, "{query}");
        }
    });
}

/// Where the first result leads, when the search has ended.
fn first_result(browser: &mut Browser) -> String {
    // A search that waited for the index shows what it found right after it, before a timer.
    browser.text(
        "loadCatalogue().then(() => new Promise((resolve) => setTimeout(resolve)))
           .then(() => document.querySelector('#results a')?.getAttribute('href') ?? '')",
    )
}

#[test]
fn every_id_and_every_place_finds_its_register() {
    on_site("ids", |browser, site| {
        browser.open(&site.address("index.html"));
        let narrow = Host { xlen: 32, vlenb: 64 };
        let all = site.archs.iter().flat_map(|arch| all_members(arch).chain(members(arch, narrow)));
        let cases: Vec<_> = all.filter(|member| member.row.alias_of.is_none()).map(asked).collect();
        let places: Vec<_> = cases.iter().map(|(place, _)| place).collect();
        let found = strings(
            browser,
            &format!(
                "loadCatalogue().then((all) => {}.map((place) => all.find(place)[0]?.href ?? ''))",
                json!(places)
            ),
        );
        let wrong: Vec<_> =
            cases.iter().zip(&found).filter(|((_, to), found)| to != *found).collect();
        assert!(
            wrong.is_empty() && found.len() > 2000,
            "{} of {}: {wrong:?}",
            wrong.len(),
            found.len()
        );
    });
}

/// Asks for a register by its place, which architectures share where it is a struct's, and says where it is.
fn asked(member: Member<'_>) -> (String, String) {
    let (arch, place) = (&member.arch.name, member.place());
    let is_narrow = member.row.width == Width::Ulong && member.host.xlen == 32;
    let key = if is_narrow && member.row.layout32.is_some() { ":32" } else { "" };
    (format!("{arch} {place}"), format!("{arch}.html#{}{key}", member.name()))
}

#[test]
fn an_id_that_no_table_has_is_explained() {
    on_site("unknown", |browser, site| {
        browser.open(&site.address("index.html"));
        browser.write("/0x603000000013ffff");
        first_result(browser);
        let said = browser.text("document.getElementById('found').textContent");
        assert_eq!(said, "No register has this id: arm64, 64 bits, group sysreg, number 0xffff");
    });
}

#[test]
fn a_value_says_what_the_program_says() {
    let Some(mut browser) = Browser::start("values") else { return };
    let mut archs = tables::archs_in(&tables::root()).unwrap_or_else(|error| panic!("{error}"));
    archs.push(kinds());
    let site = Site::of("values", archs);
    let mut seen = 0;
    for arch in &site.archs {
        browser.open(&site.address(&format!("{}.html", arch.name)));
        let layouts = layouts(arch);
        let asked: Vec<_> = layouts.iter().map(|(key, layout)| (key, values(layout))).collect();
        let texts = |values: &[u128; 5]| values.map(|value| format!("{value:#x}"));
        let texts: Vec<_> = asked.iter().map(|(key, values)| json!([key, texts(values)])).collect();
        let shown = browser.evaluate(&format!("({DECODE})({})", json!(texts)));
        for (index, ((key, layout), (_, values))) in layouts.iter().zip(&asked).enumerate() {
            for (number, value) in values.iter().enumerate() {
                let place = format!("{key} of {}: {value:#x}", arch.name);
                assert_eq!(shown[index][number], expected(layout, *value), "{place}");
                seen += 1;
            }
        }
    }
    assert!(seen > 1000, "{seen} values");
    finish(&browser, &site);
}

/// Decodes values of a layout: name, text and whether it is flagged, field by field.
const DECODE: &str = include_str!("browser/decode.js");

/// The layouts of the rows, by what the site calls them.
fn layouts(arch: &Arch) -> Vec<(String, &Layout)> {
    let of = |row: &Register| {
        let name = row.name.member(0);
        [(name.clone(), row.layout), (format!("{name}:32"), row.layout32)]
    };
    let all = arch.registers.iter().flat_map(of);
    all.filter_map(|(key, layout)| Some((key, &arch.layouts[layout?]))).collect()
}

/// No bit, every bit, every other bit, and each nibble another one.
fn values(layout: &Layout) -> [u128; 5] {
    let all = u128::MAX >> (128 - layout.width);
    [0, all, all / 3, all - all / 3, 0x0123_4567_89ab_cdef_fedc_ba98_7654_3210 & all]
}

/// What the program says: of reserved bits only what is wrong with them.
fn expected(layout: &Layout, value: u128) -> Value {
    let values = field_values(layout, value);
    let of = |field: &Field| -> Value {
        let pieces: Vec<_> = values.iter().filter(|value| value.field.name == field.name).collect();
        let is_wrong = |piece: &&&FieldValue<'_>| piece.text.contains("should be");
        let wrong: Vec<_> =
            pieces.iter().filter(is_wrong).map(|piece| piece.text.as_str()).collect();
        let text = if field.kind.is_reserved() { wrong.join(", ") } else { pieces[0].text.clone() };
        json!([field.name, text, !wrong.is_empty()])
    };
    layout.fields.iter().map(of).collect()
}

#[test]
fn two_values_show_how_they_differ_and_the_address_keeps_them() {
    const CHANGED: &str = "[...document.querySelectorAll('#SCTLR_EL1 tr.changed')].map((row) => row.innerText.replace(/\\s+/g, ' '))";
    on_site("diff", |browser, site| {
        browser.open(&site.address("arm64.html#SCTLR_EL1"));
        browser.click("#SCTLR_EL1 .decoder label:nth-of-type(1) input");
        browser.write("0x4000030d0198d");
        browser.press("Tab");
        browser.write("0x30d0198c");
        let report = "document.querySelector('#SCTLR_EL1 output').textContent";
        let said = browser.text(report);
        assert_eq!(said, "Differs: M, RES0. Not as reserved bits should be: RES0");
        let changed = strings(browser, CHANGED);
        assert_eq!(changed.len(), 2, "{changed:?}");
        assert!(changed[0].starts_with("0 M 1 → 0 bool "), "{changed:?}");
        let lit = "[...document.querySelectorAll('#SCTLR_EL1 .bits a.on:not(.wrong) b')].map((e) => e.textContent)";
        assert_eq!(strings(browser, lit).last().map(String::as_str), Some("M"));

        let address = browser.text("location.href");
        assert!(address.ends_with("#SCTLR_EL1=0x4000030d0198d,0x30d0198c"), "{address}");
        browser.open("about:blank");
        browser.open(&address);
        assert_eq!(browser.text(report), said);
        assert_eq!(strings(browser, CHANGED), changed);
    });
}

#[test]
fn what_is_no_value_of_the_register_is_said() {
    on_site("wrong-value", |browser, site| {
        browser.open(&site.address("arm64.html"));
        for (value, said) in [
            ("one", "Expected a number, as 0x1f, 0b101 or 31"),
            ("0x10000000000000000", "0x10000000000000000 has more than 64 bits"),
            ("18446744073709551615", "Not as reserved bits should be: RES0"),
        ] {
            browser.open(&site.address(&format!("arm64.html#SCTLR_EL1={value}")));
            let report = "document.querySelector('#SCTLR_EL1 output').textContent";
            browser.wait(&format!("{report} === {}", json!(said)));
        }
    });
}

#[test]
fn a_link_to_a_field_or_a_member_marks_it() {
    let cases = [
        ("SCTLR_EL1", "SCTLR_EL1"),
        ("SCTLR_EL1.M", "SCTLR_EL1.M"),
        ("X5", "X5"),
        // A member of a family has the fields of the first.
        ("DBGBCR5_EL1.E", "DBGBCR0_EL1.E"),
    ];
    on_site("marks", |browser, site| {
        for (fragment, marked) in cases {
            browser.open(&site.address(&format!("arm64.html#{fragment}")));
            let id = "document.querySelector('.target')?.id ?? ''";
            browser.wait(&format!("({id}) === {}", json!(marked)));
            browser.wait(
                "(() => { const { top, bottom } = document.querySelector('.target').getBoundingClientRect();
                   return bottom > 0 && top < innerHeight; })()",
            );
        }
    });
}

#[test]
fn the_keyboard_is_enough() {
    on_site("keyboard", |browser, site| {
        browser.open(&site.address("index.html"));
        browser.write("/sctlr");
        first_result(browser);
        let chosen = "document.querySelector('[aria-selected=true] .name')?.textContent ?? ''";
        let active = "document.getElementById(document.activeElement.getAttribute('aria-activedescendant'))\
                      ?.querySelector('.name').textContent ?? ''";
        for (key, name) in
            [("ArrowDown", "SCTLR_EL2"), ("ArrowUp", "SCTLR_EL1"), ("ArrowDown", "SCTLR_EL2")]
        {
            browser.press(key);
            assert_eq!(
                (browser.text(chosen), browser.text(active)),
                (name.to_owned(), name.to_owned())
            );
        }
        let expanded = "document.getElementById('query').getAttribute('aria-expanded')";
        browser.press("Escape");
        assert_eq!(browser.text(expanded), "false");
        browser.press("ArrowDown");
        first_result(browser);
        assert_eq!(
            (browser.text(expanded), browser.text(chosen)),
            ("true".to_owned(), "SCTLR_EL1".to_owned())
        );
        browser.press("Enter");
        browser.wait(
            "location.href.endsWith('arm64.html#SCTLR_EL1') && document.readyState === 'complete'",
        );
        assert_eq!(browser.text("document.querySelector('.target').id"), "SCTLR_EL1");
        for _ in 0..30 {
            browser.press("Tab");
            let outline = browser.text("getComputedStyle(document.activeElement).outlineStyle");
            let focused = browser.text("document.activeElement.outerHTML.slice(0, 100)");
            assert_eq!(outline, "solid", "{focused}");
        }
    });
}

#[test]
fn text_can_be_read_in_light_and_dark_and_the_choice_is_kept() {
    on_site("colours", |browser, site| {
        let paper = "getComputedStyle(document.body).backgroundColor";
        for colours in ["light", "dark"] {
            browser.prefer("screen", colours);
            for page in
                ["index.html", "s390.html", "arm64.html#SCTLR_EL1=0x400030d0198d,0x30d0198c"]
            {
                browser.open(&site.address(page));
                let contrasts = browser.evaluate(CONTRASTS);
                let (least, text) = (contrasts[0].as_f64().unwrap(), &contrasts[1]);
                println!("{page}, {colours}: least contrast {least:.2}: {text}");
                assert!(least >= CONTRAST, "{page}, {colours}: {least} of {text}");
            }
        }
        let dark = browser.text(paper);
        browser.click("#theme");
        let light = browser.text(paper);
        assert_ne!(light, dark);
        browser.open(&site.address("index.html"));
        assert_eq!(browser.text(paper), light);
        assert_eq!(
            browser.text("document.getElementById('theme').getAttribute('aria-pressed')"),
            "false"
        );
    });
}

/// The least contrast of text on a page, and that text; a gradient counts as its first colour.
const CONTRASTS: &str = include_str!("browser/contrasts.js");

#[test]
fn a_narrow_window_scrolls_only_down_and_paper_has_no_controls() {
    on_site("narrow", |browser, site| {
        for width in [360, 768, 1280] {
            browser.resize(width, 800);
            for page in site.pages() {
                browser.open(&site.address(&page));
                let wide = browser.evaluate("document.documentElement.scrollWidth");
                assert!(wide.as_u64() <= Some(width.into()), "{page} is {wide} wide in {width}");
            }
        }
        browser.open(&site.address("s390.html"));
        let controls = "[...document.querySelectorAll('body > header, .decoder, .aside')].filter((it) => it.checkVisibility()).length";
        assert!(browser.evaluate(controls).as_u64() > Some(0));
        browser.prefer("print", "dark");
        assert_eq!(browser.evaluate(controls), json!(0));
    });
}

#[test]
fn text_of_a_table_is_no_markup() {
    let Some(mut browser) = Browser::start("markup") else { return };
    let site = Site::of("markup", vec![hostile()]);
    for page in site.pages() {
        browser.open(&site.address(&page));
        let strange = "document.querySelectorAll('script:not([src]), img, main script').length + (window.caught ?? 0)";
        assert_eq!(browser.evaluate(strange), json!(0), "{page}");
        let visible = format!("document.body.textContent.includes({})", json!(MARKUP));
        assert_eq!(browser.evaluate(&visible), json!(true), "{page}");
    }
    browser.write("/r0");
    first_result(&mut browser);
    let note = browser.text("document.querySelector('#results .note').textContent");
    assert!(note.ends_with(MARKUP), "{note}");
    assert_eq!(browser.evaluate("window.caught ?? 0"), json!(0));
    finish(&browser, &site);
}

const MARKUP: &str =
    "</p></title><script>window.caught = 1</script><img src=x onerror='window.caught = 1'>\"&amp;";

/// A table all of whose texts are markup.
fn hostile() -> Arch {
    let doc = json!(MARKUP);
    made_up(
        &doc,
        &format!(
            "    errata: {doc}\n    source: {doc}\n    fields:\n      F: {{bits: \"31..0\", doc: {doc}}}\n"
        ),
    )
}

/// A table with a field of every kind, whether the repository's have one or not.
fn kinds() -> Arch {
    let fields = "    fields:
      INT: {bits: \"7..0\", kind: int}
      SPLIT: [\"31..30\", \"11..8\"]
      NAMED: {bits: \"29..28\", enum: {None: 0, All: 3}}
      RAZ: {bits: \"27..24\", kind: raz}
      UNKN: {bits: \"23..20\", kind: unkn}
      RES0: [\"19..18\", 12]
      RES1: [\"17..16\", \"15..13\"]
";
    made_up(&json!("A table"), fields)
}

/// A table with one register of 32 bits.
fn made_up(doc: &Value, rest_of_row: &str) -> Arch {
    let arch = format!(
        "arch: demo\ncode: 1\nkernel: \"7.3\"\ndoc: {doc}\nverified: {doc}\none_reg: true\n\
         errors: {{EINVAL: {doc}}}\n\
         groups: {{core: {{file: core.yaml, base: 0, number: \"15..0\", doc: {doc}}}}}\n"
    );
    let row = format!(
        "registers:\n  - name: R0\n    width: 32\n    number: 0x0\n    doc: {doc}\n{rest_of_row}"
    );
    let text = |path: &str| Ok(if path == "arch.yaml" { &arch } else { &row }.clone());
    load(&Sources::gather("arch.yaml", text)).unwrap_or_else(|findings| panic!("{findings:?}"))
}

fn strings(browser: &mut Browser, expression: &str) -> Vec<String> {
    serde_json::from_value(browser.evaluate(expression)).unwrap()
}
