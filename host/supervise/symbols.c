/* symbols.c: see symbols.h.
 *
 * elfutils' libdwfl, with the file laid at address zero. It finds separate debug information where the system
 * keeps it (/usr/lib/debug), and where a file was stripped the symbols that the dynamic linker needs.
 * Rejected: addr2line as a process (not installed where weir runs), and a reader of our own for a table of
 * symbols.
 *
 * The library is loaded by the process that needs it, and weir is not linked with it: it brings three more,
 * and all of them together would cost every process that never crashes a quarter of a megabyte, and every
 * start half a millisecond. */
#include "supervise/symbols.h"

#include <dlfcn.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <gelf.h>
#include <stdlib.h>
#include <unistd.h>

#define LIBRARY "libdw.so.1" /* the interface that its header describes; libelf comes with it */

/* What is called in it. */
#define CALLS(X)                                                                                             \
    X(dwarf_getsrc_die)                                                                                      \
    X(dwarf_haspc)                                                                                           \
    X(dwarf_lineno)                                                                                          \
    X(dwarf_linesrc)                                                                                         \
    X(dwfl_begin)                                                                                            \
    X(dwfl_end)                                                                                              \
    X(dwfl_lineinfo)                                                                                         \
    X(dwfl_module_addrinfo)                                                                                  \
    X(dwfl_module_getelf)                                                                                    \
    X(dwfl_module_getsrc)                                                                                    \
    X(dwfl_module_nextcu)                                                                                    \
    X(dwfl_offline_section_address)                                                                          \
    X(dwfl_report_begin)                                                                                     \
    X(dwfl_report_elf)                                                                                       \
    X(dwfl_report_end)                                                                                       \
    X(dwfl_standard_find_debuginfo)                                                                          \
    X(elf_getphdrnum)                                                                                        \
    X(gelf_getphdr)

#define MEMBER(name) __typeof__(name) *name;
static struct {
    CALLS(MEMBER)
} lib; /* filled by symbols_load() */
static Dwfl_Callbacks callbacks;

#define PLACE(name) {#name, (void **)&lib.name},
static const struct {
    const char *name;
    void **at;
} places[] = {CALLS(PLACE)};

struct symbols {
    Dwfl *dwfl;
    Dwfl_Module *module;
};

bool symbols_load(const char **why)
{
    void *object = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    bool good = object != NULL;

    for (size_t i = 0; i < sizeof places / sizeof *places && good; i++) {
        *places[i].at = dlsym(object, places[i].name);
        good = *places[i].at != NULL;
    }
    callbacks.find_debuginfo = lib.dwfl_standard_find_debuginfo;
    callbacks.section_address = lib.dwfl_offline_section_address;
    if (!good)
        *why = dlerror();
    return good;
}

struct symbols *symbols_open(int fd, const char *name)
{
    struct symbols *s = calloc(1, sizeof *s);
    int own = dup(fd); /* becomes the library's, where it takes the file */

    if (!s || own < 0)
        goto out;
    s->dwfl = lib.dwfl_begin(&callbacks);
    if (!s->dwfl)
        goto out;
    lib.dwfl_report_begin(s->dwfl);
    s->module = lib.dwfl_report_elf(s->dwfl, name, name, own, 0, true);
    if (s->module)
        own = -1;
    lib.dwfl_report_end(s->dwfl, NULL, NULL);
    if (s->module)
        return s;
out:
    if (own >= 0)
        close(own);
    symbols_close(s);
    return NULL;
}

void symbols_close(struct symbols *s)
{
    if (!s)
        return;
    if (s->dwfl)
        lib.dwfl_end(s->dwfl);
    free(s);
}

/* False: no loaded part of the file has it. */
static bool address_of(struct symbols *s, uint64_t file_offset, GElf_Addr *address)
{
    GElf_Addr bias;
    Elf *elf = lib.dwfl_module_getelf(s->module, &bias);
    size_t count;

    if (!elf || lib.elf_getphdrnum(elf, &count) < 0)
        return false;
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr part;

        if (!lib.gelf_getphdr(elf, (int)i, &part) || part.p_type != PT_LOAD || file_offset < part.p_offset ||
            file_offset - part.p_offset >= part.p_filesz)
            continue;
        *address = file_offset - part.p_offset + part.p_vaddr + bias;
        return true;
    }
    return false;
}

static const char *last_part(const char *path)
{
    const char *slash = path ? strrchr(path, '/') : NULL;

    return slash ? slash + 1 : path;
}

/* The library goes by a table of addresses (.debug_aranges) that clang does not make: then each unit is
 * asked. */
static void find_line(struct symbols *s, GElf_Addr address, struct symbol *found)
{
    Dwfl_Line *line = lib.dwfl_module_getsrc(s->module, address);
    Dwarf_Die *unit = NULL;
    Dwarf_Addr bias;

    if (line) {
        found->source = last_part(lib.dwfl_lineinfo(line, NULL, &found->line, NULL, NULL, NULL));
        return;
    }
    while ((unit = lib.dwfl_module_nextcu(s->module, unit, &bias)) != NULL) {
        Dwarf_Line *of_unit = NULL;

        if (lib.dwarf_haspc(unit, address - bias) > 0)
            of_unit = lib.dwarf_getsrc_die(unit, address - bias);
        if (!of_unit || lib.dwarf_lineno(of_unit, &found->line) != 0)
            continue;
        found->source = last_part(lib.dwarf_linesrc(of_unit, NULL, NULL));
        return;
    }
}

struct symbol symbols_find(struct symbols *s, uint64_t file_offset, bool behind)
{
    struct symbol found = {.address = file_offset};
    GElf_Addr address, look;
    GElf_Sym sym;
    GElf_Off beyond = 0;

    if (!address_of(s, file_offset, &address))
        return found;
    found.address = address;
    look = behind && address > 0 ? address - 1 : address;
    found.function = lib.dwfl_module_addrinfo(s->module, look, &beyond, &sym, NULL, NULL, NULL);
    found.beyond = beyond + (address - look);
    find_line(s, look, &found);
    return found;
}
