/* symbols.c: see symbols.h.
 *
 * elfutils' libdwfl, with the file laid at address zero. It finds separate debug information where the system
 * keeps it (/usr/lib/debug), and where a file was stripped the symbols that the dynamic linker needs.
 * Rejected: addr2line as a process (not installed where weir runs), and a reader of our own for a table of
 * symbols. */
#include "supervise/symbols.h"

#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <gelf.h>
#include <stdlib.h>
#include <unistd.h>

struct symbols {
    Dwfl *dwfl;
    Dwfl_Module *module;
};

static const Dwfl_Callbacks callbacks = {
    .find_debuginfo = dwfl_standard_find_debuginfo,
    .section_address = dwfl_offline_section_address,
};

struct symbols *symbols_open(int fd, const char *name)
{
    struct symbols *s = calloc(1, sizeof *s);
    int own = dup(fd); /* becomes the library's, where it takes the file */

    if (!s || own < 0)
        goto out;
    s->dwfl = dwfl_begin(&callbacks);
    if (!s->dwfl)
        goto out;
    dwfl_report_begin(s->dwfl);
    s->module = dwfl_report_elf(s->dwfl, name, name, own, 0, true);
    if (s->module)
        own = -1;
    dwfl_report_end(s->dwfl, NULL, NULL);
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
        dwfl_end(s->dwfl);
    free(s);
}

/* False: no loaded part of the file has it. */
static bool address_of(struct symbols *s, uint64_t file_offset, GElf_Addr *address)
{
    GElf_Addr bias;
    Elf *elf = dwfl_module_getelf(s->module, &bias);
    size_t count;

    if (!elf || elf_getphdrnum(elf, &count) < 0)
        return false;
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr part;

        if (!gelf_getphdr(elf, (int)i, &part) || part.p_type != PT_LOAD || file_offset < part.p_offset ||
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
    Dwfl_Line *line = dwfl_module_getsrc(s->module, address);
    Dwarf_Die *unit = NULL;
    Dwarf_Addr bias;

    if (line) {
        found->source = last_part(dwfl_lineinfo(line, NULL, &found->line, NULL, NULL, NULL));
        return;
    }
    while ((unit = dwfl_module_nextcu(s->module, unit, &bias)) != NULL) {
        Dwarf_Line *of_unit = NULL;

        if (dwarf_haspc(unit, address - bias) > 0)
            of_unit = dwarf_getsrc_die(unit, address - bias);
        if (!of_unit || dwarf_lineno(of_unit, &found->line) != 0)
            continue;
        found->source = last_part(dwarf_linesrc(of_unit, NULL, NULL));
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
    found.function = dwfl_module_addrinfo(s->module, look, &beyond, &sym, NULL, NULL, NULL);
    found.beyond = beyond + (address - look);
    find_line(s, look, &found);
    return found;
}
