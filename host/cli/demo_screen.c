/* demo_screen.c: see demo_screen.h.
 *
 * A frame is written over the one before, in one write: each line is followed by "erase the rest", so nothing
 * is ever blank for a moment. Lines that are too long for the terminal are cut by it, as wrapping is off.
 * curses was rejected: a library and a terminfo database for a dozen sequences that every terminal knows. */
#include "cli/demo_screen.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define FRAME_MAX ((size_t)1 << 20)

static void write_all(int fd, struct weir_str s)
{
    while (s.len) {
        ssize_t n = write(fd, s.ptr, s.len);

        if (n <= 0)
            return; /* the terminal is gone; the loop will hear of it by a signal */
        s = str_make(s.ptr + n, s.len - (size_t)n);
    }
}

static void divert_stderr(struct screen *s)
{
    if (!isatty(STDERR_FILENO))
        return;
    fflush(stderr);
    s->stderr_now = memfd_create("weir-demo-log", MFD_CLOEXEC);
    s->stderr_was = dup(STDERR_FILENO);
    s->stderr_saved = s->stderr_now >= 0 && s->stderr_was >= 0 && dup2(s->stderr_now, STDERR_FILENO) >= 0;
}

static void restore_stderr(struct screen *s, bool with_log)
{
    char block[4096];
    ssize_t n;

    if (!s->stderr_saved)
        return;
    fflush(stderr);
    dup2(s->stderr_was, STDERR_FILENO);
    close(s->stderr_was);
    lseek(s->stderr_now, 0, SEEK_SET);
    while (with_log && (n = read(s->stderr_now, block, sizeof block)) > 0)
        write_all(STDERR_FILENO, str_make(block, (size_t)n));
    close(s->stderr_now);
    s->stderr_saved = false;
}

void screen_open(struct screen *screen)
{
    struct termios quiet;

    *screen = (struct screen){.open = true};
    buf_init(&screen->frame, FRAME_MAX);
    divert_stderr(screen);
    if (tcgetattr(STDIN_FILENO, &screen->before) == 0) {
        screen->echo_saved = true;
        quiet = screen->before;
        quiet.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(STDIN_FILENO, TCSANOW, &quiet);
    }
    fflush(stdout);
    write_all(STDOUT_FILENO, STR("\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J"));
}

void screen_close(struct screen *screen, bool with_log)
{
    if (!screen->open)
        return;
    screen->open = false;
    write_all(STDOUT_FILENO, STR("\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l"));
    if (screen->echo_saved)
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &screen->before);
    restore_stderr(screen, with_log);
    buf_fini(&screen->frame);
}

void screen_size(size_t *width, size_t *height)
{
    struct winsize size;
    bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col && size.ws_row;

    *width = known ? size.ws_col : 80;
    *height = known ? size.ws_row : 24;
}

/* The last line has no line feed, which would scroll the picture. */
void screen_show(struct screen *screen, struct weir_str lines)
{
    struct buf *f = &screen->frame;

    buf_reset(f);
    buf_add_text(f, "\x1b[H");
    for (size_t i = 0; i < lines.len; i++) {
        if (lines.ptr[i] != '\n')
            buf_add_char(f, lines.ptr[i]);
        else
            buf_add_text(f, i + 1 < lines.len ? "\x1b[K\r\n" : "\x1b[K");
    }
    buf_add_text(f, "\x1b[J");
    if (!f->failed)
        write_all(STDOUT_FILENO, buf_str(f));
}
