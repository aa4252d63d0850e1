#!/usr/bin/python3
"""The checkers against samples: for each rule a bad file that it must find, and beside it a good one that it
must leave alone. A row is the name, the path, the text, and the rule that must be named (None: no fault)."""
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
STYLE = HERE / "style"
TOP = "/* a.c: a sample. */\n"
GUARD = TOP + "#ifndef A_H\n#define A_H\n%s#endif\n"
MACHINE = "/" + "work/tree/x"

ROWS = [
    ("an empty sample is clean", "host/base/a.c", TOP, None),
    ("no opening comment", "host/base/a.c", "int a;\n", "opening"),
    ("tab", "host/base/a.c", TOP + "\tint a;\n", "tab"),
    ("trailing blank", "host/base/a.c", TOP + "int a; \n", "trailing-blank"),
    ("carriage return", "host/base/a.c", TOP + "int a;\r\n", "line-end"),
    ("no last newline", "host/base/a.c", TOP + "int a;", "last-line"),
    ("line of 110 columns", "host/base/a.c", TOP + "/* " + "x" * 104 + " */\n", None),
    ("line of 111 columns", "host/base/a.c", TOP + "/* " + "x" * 105 + " */\n", "columns"),
    ("columns are characters, not bytes", "host/base/a.c", TOP + "/* " + "…" * 104 + " */\n", None),
    ("600 lines", "host/base/a.c", TOP + "\n" * 599, None),
    ("601 lines", "host/base/a.c", TOP + "\n" * 600, "file-length"),
    ("the public header may be long", "include/weir/plugin.h", GUARD % ("\n" * 700), None),
    ("header without guard", "host/base/a.h", TOP + "int a;\n", "guard"),
    ("header with guard", "host/base/a.h", GUARD % "", None),
    ("machine path", "docs/a.md", f"see {MACHINE}\n", "machine-path"),
    ("machine path in a script", "run", f"#!/bin/bash\ncd {MACHINE}\n", "machine-path"),
    ("a word in a relative path", "docs/a.md", "see frame/" + "work/x and ../" + "root/x\n", None),
    ("own floor", "host/chain/a.c", TOP + '#include "chain/b.h"\n', None),
    ("lower floor", "host/chain/a.c", TOP + '#include "base/b.h"\n', None),
    ("higher floor", "host/chain/a.c", TOP + '#include "kafka/b.h"\n', "floor"),
    ("top floor from the bottom", "host/base/a.c", TOP + '#include "cli/b.h"\n', "floor"),
    ("include without floor", "host/chain/a.c", TOP + '#include "b.h"\n', "floor"),
    ("unknown floor", "host/attic/a.c", TOP + '#include "base/b.h"\n', "floor"),
    ("include in a comment", "host/base/a.c", TOP + '/*\n#include "cli/b.h"\n*/\n', None),
    ("rdkafka in kafka", "host/kafka/a.c", TOP + "#include <librdkafka/rdkafka.h>\n", None),
    ("rdkafka elsewhere", "host/cli/a.c", TOP + "#include <librdkafka/rdkafka.h>\n", "library"),
    ("json-c in cli", "host/cli/a.c", TOP + "#include <json-c/json.h>\n", None),
    ("json-c on the hot path", "host/chain/a.c", TOP + "#include <json-c/json.h>\n", "library"),
    ("inih in config", "host/config/a.c", TOP + "#include <ini.h>\n", None),
    ("inih elsewhere", "host/chain/a.c", TOP + "#include <ini.h>\n", "library"),
    ("plugin on its header", "plugins/a.c", TOP + "#include <weir/plugin.h>\n", None),
    ("plugin on a library", "plugins/a.c", TOP + "#include <openssl/evp.h>\n", None),
    ("plugin that sees the host", "plugins/a.c", TOP + '#include "base/str.h"\n', "floor"),
    ("plugin that sees the host by <>", "plugins/a.c", TOP + "#include <base/str.h>\n", "floor"),
    ("plugin that sees librdkafka", "plugins/a.c", TOP + "#include <librdkafka/rdkafka.h>\n", "library"),
    ("internal header", "host/base/a.c", TOP + '#include "base/a_internal.h"\n', "internal"),
    ("strcpy", "host/base/a.c", TOP + "void f(void) { strcpy(a, b); }\n", "banned"),
    ("strtok_r", "host/base/a.c", TOP + "void f(void) { strtok_r(a, b, c); }\n", "banned"),
    ("sscanf", "host/base/a.c", TOP + "void f(void) { sscanf (a, b); }\n", "banned"),
    ("atoi", "tests/unit/a.c", TOP + "int x = atoi(a);\n", "banned"),
    ("sprintf", "plugins/a.c", TOP + "void f(void) { sprintf(a, b); }\n", "banned"),
    ("snprintf", "host/base/a.c", TOP + "void f(void) { snprintf(a, 1, b); }\n", None),
    ("a banned word in a comment", "host/base/a.c", TOP + "/* never strcpy(a, b) */\n", None),
    ("a banned word in a string", "host/base/a.c", TOP + 'const char *a = "strcpy(\\"a\\")";\n', None),
    ("a banned member", "host/base/a.c", TOP + "int f(void) { a->signal(b); a.system(c); }\n", None),
    ("a function with a banned ending", "host/base/a.c", TOP + "void f(void) { task_signal(b); }\n", None),
    ("time in the host", "host/base/a.c", TOP + "void f(void) { clock_gettime(a, b); }\n", None),
    ("time in a plugin", "plugins/a.c", TOP + "void f(void) { clock_gettime(a, b); }\n", "banned"),
    ("getenv in a plugin", "plugins/a.c", TOP + 'const char *a(void) { return getenv("A"); }\n', "banned"),
    ("typedef struct", "host/base/a.c", TOP + "typedef struct a b;\n", "typedef"),
    ("struct in _t", "host/base/a.c", TOP + "struct a_t { int b; };\n", "_t"),
    ("typedef in _t", "host/base/a.c", TOP + "typedef int a_t;\n", "_t"),
    ("use of a system _t", "host/base/a.c", TOP + "struct a { int64_t b; size_t c; };\n", None),
    ("not UTF-8", "docs/a.md", b"\xff\xfe\n", "utf-8"),
    ("build folders are not read", "build-x/a.c", "\tstrcpy(a, b);\n", None),
]


class Style(unittest.TestCase):
    def check(self, path, text):
        with tempfile.TemporaryDirectory() as root:
            file = Path(root) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text if isinstance(text, bytes) else text.encode())
            return subprocess.run([sys.executable, STYLE, root], capture_output=True, text=True, check=False)

    def test_rows(self):
        for name, path, text, rule in ROWS:
            with self.subTest(name):
                done = self.check(path, text)
                self.assertEqual(done.stderr, "style: 1 faults\n" if rule else "", done.stdout)
                self.assertEqual(done.returncode, 1 if rule else 0, done.stdout)
                if rule:
                    self.assertRegex(done.stdout, rf"^{path}:\d+: {rule}: .*")


DATA_ROWS = [
    ("const data", "static const int t[] = {1, 2}; int f(int i) { return t[i]; }", True),
    ("a const table", 'static char *const t[] = {"a", "b"}; char f(int i) { return *t[i]; }', True),
    ("a static counter", "static int n; int f(void) { return n++; }", False),
    ("a static counter inside a function", "int f(void) { static int n = 4; return n++; }", False),
    ("a table that is not const", 'static char *t[] = {"a"}; char **f(int i) { return t + i; }', False),
    ("a thread-local", "static _Thread_local int n; int f(void) { return n++; }", False),
    ("an exported variable", "int n = 5;", False),
]


class PluginData(unittest.TestCase):
    def check(self, folder):
        return subprocess.run([HERE / "plugin-data", folder], capture_output=True, text=True, check=False)

    def test_rows(self):
        for name, code, clean in DATA_ROWS:
            with self.subTest(name), tempfile.TemporaryDirectory() as folder:
                build = ["cc", "-shared", "-fPIC", "-O2", "-x", "c", "-", "-o", f"{folder}/a.so"]
                subprocess.run(build, input=code, text=True, check=True)
                done = self.check(folder)
                self.assertEqual(done.returncode, 0 if clean else 1, done.stderr)

    def test_an_empty_folder_is_no_success(self):
        with tempfile.TemporaryDirectory() as folder:
            done = self.check(folder)
            self.assertEqual(done.returncode, 1)


if __name__ == "__main__":
    unittest.main()
