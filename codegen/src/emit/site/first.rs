//! The first page: the architectures and their groups, and what the search takes.

use std::fmt::Write as _;

use super::examples::examples;
use super::html::{code, link, table, text};
use super::{arch, arch_path, shell};
use crate::emit::docs::{counts, support};
use crate::model::Arch;

pub(super) fn page(archs: &[Arch]) -> String {
    let mut content = String::from(
        "<h1>KVM registers</h1>\n\
         <p class=\"lead\">Every register that KVM_GET_ONE_REG and KVM_SET_ONE_REG reach, and what other ioctls carry \
         where those two do not: ids, access, and the meaning of every bit.</p>\n",
    );
    queries(&mut content, archs);
    content.push_str("<div class=\"cards\">\n");
    for arch in archs {
        card(&mut content, arch);
    }
    content.push_str("</div>\n<h2 id=\"ids\">Ids</h2>\n");
    arch::id_bits(&mut content, None);
    shell::page(archs, "KVM registers", "", &content)
}

fn queries(page: &mut String, archs: &[Arch]) {
    page.push_str(
        "<section class=\"queries\"><h2>Search</h2>\n\
         <p><kbd>/</kbd> goes to the search, <kbd>↑</kbd> <kbd>↓</kbd> choose, <kbd>Enter</kbd> opens, <kbd>Esc</kbd> \
         closes. It takes:</p>\n",
    );
    let rows = examples(archs).into_iter().map(|(query, meaning)| {
        let query = format!("<button type=\"button\" class=\"query\">{}</button>", text(&query));
        vec![query, meaning.to_owned()]
    });
    table(page, "plain", &["Query", "Meaning"], rows);
    page.push_str("</section>\n");
}

fn card(page: &mut String, arch: &Arch) {
    let _ = writeln!(
        page,
        "<section class=\"card\"><h2>{}</h2>\n<p>{}</p>\n<ul class=\"groups\">",
        link(&arch_path(arch), &arch.name),
        text(&arch.doc)
    );
    for group in &arch.groups {
        let to = format!("{}#{}", arch_path(arch), arch::group_anchor(group));
        let _ = writeln!(page, "<li>{}</li>", link(&to, &group.name));
    }
    page.push_str("</ul>\n");
    let (ids, carried) = counts(arch);
    let mut facts = vec![format!("{ids} registers")];
    if carried > 0 {
        facts.push(format!("{carried} of other ioctls"));
    }
    if let Some(number) = arch.code {
        facts.push(format!("code {}", code(&format!("{number:#04x}"))));
        facts.push(format!("ONE_REG: {}", text(&support(&arch.one_reg))));
    }
    let _ = writeln!(page, "<p class=\"note\">{}</p></section>", facts.join(" · "));
}
