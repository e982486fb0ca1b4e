//! The mistakes: how each one is made in the three languages.

use super::Mistake;

/// One mistake of each kind that tables of registers have, wherever the language lets it be made.
pub(super) const MISTAKES: &[Mistake] = &[
    Mistake {
        name: "syntax-error",
        title: "A bracket that is not closed",
        edits: [
            (
                "{bits: \"2..1\", enum: {Off: 0, Slow: 1, Fast: 2}, doc: \"How fast\"}",
                "{bits: \"2..1\", enum: {Off: 0, Slow: 1, Fast: 2, doc: \"How fast\"}",
            ),
            ("                Fast: 2,\n            },\n", "                Fast: 2,\n"),
            ("encode = mode_e;} MODE", "encode = mode_e; MODE"),
        ],
    },
    Mistake {
        name: "unknown-key",
        title: "A key that is misspelt",
        edits: [
            ("access: ro", "acess: ro"),
            ("access: RO", "acess: RO"),
            ("desc = \"What it does\"", "dsec = \"What it does\""),
        ],
    },
    Mistake {
        name: "missing-key",
        title: "No width",
        edits: [
            ("    width: 32\n    number: 0x0\n", "    number: 0x0\n"),
            ("            size-bytes: 4,\n\n", "\n"),
            (
                "        desc = \"Control\";\n        regwidth = 32;\n",
                "        desc = \"Control\";\n",
            ),
        ],
    },
    Mistake {
        name: "wrong-type",
        title: "A number that is a text",
        edits: [
            ("number: 0x4,", "number: four,"),
            ("address: 4,", "address: four,"),
            ("@ 0x4", "@ four"),
        ],
    },
    Mistake {
        name: "same-key-twice",
        title: "A key that stands twice",
        edits: [
            ("number: 0x8,", "number: 0x8, number: 0xc,"),
            ("address: 8,\n", "address: 8,\n        address: 12,\n"),
            (
                "        desc = \"Next word\";\n",
                "        desc = \"Next word\";\n        desc = \"Last word\";\n",
            ),
        ],
    },
    Mistake {
        name: "duplicate-name",
        title: "Two registers of one name",
        edits: [
            ("name: DATA", "name: CTRL"),
            ("register Data {", "register Ctrl {"),
            ("DATA @", "CTRL @"),
        ],
    },
    Mistake {
        name: "same-address",
        title: "Two registers at one address",
        edits: [("number: 0x8", "number: 0x4"), ("address: 8", "address: 4"), ("@ 0x8", "@ 0x4")],
    },
    Mistake {
        name: "overlapping-fields",
        title: "Two fields that share a bit",
        edits: [
            ("ENABLE: 0", "ENABLE: \"1..0\""),
            ("field enable 0 -> bool", "field enable 1:0 -> uint"),
            ("ENABLE[0:0]", "ENABLE[1:0]"),
        ],
    },
    Mistake {
        name: "field-out-of-range",
        title: "A field beyond the register",
        edits: [
            ("RES0: \"31..3\"", "TOP: \"32..3\""),
            (
                "field enable 0 -> bool",
                "field enable 0 -> bool,\n            field top 32:3 -> uint",
            ),
            ("ENABLE[0:0];", "ENABLE[0:0];\n        field {sw = rw;} TOP[32:3];"),
        ],
    },
    Mistake {
        name: "reversed-bits",
        title: "The bits of a field in the wrong order",
        edits: [
            ("bits: \"2..1\"", "bits: \"1..2\""),
            ("mode 2:1", "mode 1:2"),
            ("MODE[2:1]", "MODE[1:2]"),
        ],
    },
    Mistake {
        name: "bad-width",
        title: "A width that no register has",
        edits: [
            ("    width: 32\n    number: 0x0", "    width: 33\n    number: 0x0"),
            ("size-bytes: 4,\n\n", "size-bytes: 0,\n\n"),
            (
                "desc = \"Control\";\n        regwidth = 32",
                "desc = \"Control\";\n        regwidth = 33",
            ),
        ],
    },
    Mistake {
        name: "bad-access",
        title: "An access that there is not",
        edits: [
            ("access: ro", "access: rx"),
            ("access: RO", "access: RX"),
            ("{sw = r;}", "{sw = rx;}"),
        ],
    },
    Mistake {
        name: "value-too-big",
        title: "A named value that its field cannot hold",
        edits: [("Fast: 2}", "Fast: 4}"), ("Fast: 2", "Fast: 4"), ("Fast = 2'd2", "Fast = 3'd4")],
    },
    Mistake {
        name: "same-value-twice",
        title: "Two names of one value",
        edits: [("Fast: 2}", "Fast: 1}"), ("Fast: 2", "Fast: 1"), ("Fast = 2'd2", "Fast = 2'd1")],
    },
    Mistake {
        name: "address-too-big",
        title: "An address that does not fit",
        edits: [
            ("number: 0x8", "number: 0x100"),
            ("address: 8", "address: 256"),
            ("@ 0x8", "@ 0x10000000000000000"),
        ],
    },
    Mistake {
        name: "unknown-reference",
        title: "The name of something that is not there",
        edits: [
            (
                "{name: DATA, width: 32, number: 0x8, content: value",
                "{name: DATA, width: 32, number: 0x8, layout: DTAA",
            ),
            (
                "fieldset DataFields {\n            size-bytes: 4,\n            field value 31:0 -> uint,\n        }",
                "DtaaFields",
            ),
            ("encode = mode_e", "encode = mode_f"),
        ],
    },
];
