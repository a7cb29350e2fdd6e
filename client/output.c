/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "output.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "cleanup.h"
#include "say.h"
#include "status.h"
#include "terminal.h"
#include "verb.h"

static pid_t pager; /* 0: none */
static bool was_terminal;

static bool to_terminal(void) {
        return was_terminal || isatty(STDOUT_FILENO);
}

static bool is_no(const char *s) {
        return streq(s, "0") || streq(s, "no") || streq(s, "false") || streq(s, "off");
}

bool output_has_colour(void) {
        const char *colours = getenv("SYSTEMD_COLORS"), *no = getenv("NO_COLOR"), *term = getenv("TERM");
        if (colours && *colours)
                return !is_no(colours);
        return to_terminal() && !(no && *no) && term && !streq(term, "dumb");
}

const char *colour_begin(Colour c) {
        static const char *const codes[_COLOUR_MAX] = { [COLOUR_NONE] = "",
                [COLOUR_GOOD] = "\x1b[32m",
                [COLOUR_BAD] = "\x1b[1;31m",
                [COLOUR_ODD] = "\x1b[33m",
                [COLOUR_FAINT] = "\x1b[2m",
                [COLOUR_TITLE] = "\x1b[4m" };
        return output_has_colour() ? codes[c] : "";
}

const char *colour_end(Colour c) {
        return c != COLOUR_NONE && output_has_colour() ? "\x1b[0m" : "";
}

unsigned output_width(void) {
        static unsigned width;
        uint32_t rows, columns;
        if (settings.full || !to_terminal())
                return 0;
        if (width == 0) /* once: later standard output may be a pager */
                width = terminal_size(&rows, &columns) && columns > 0 ? columns : 80;
        return width;
}

static const char *pager_command(void) {
        static const char *const names[] = { "SYSTEMD_PAGER", "PAGER" };
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                const char *command = getenv(names[i]);
                if (command)
                        return *command && !streq(command, "cat") ? command : NULL;
        }
        return "less";
}

static _Noreturn void page(const char *command, int from, pid_t parent) {
        const char *options = getenv("SYSTEMD_LESS");
        (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() != parent || dup2(from, STDIN_FILENO) < 0)
                _exit(EXIT_FAILURE);
        (void)setenv("LESS", options ? options : "FRSXMK", 1);
        if (geteuid() == 0)
                (void)setenv("LESSSECURE", "1",
                                1); /* no shell for whoever may only look: sudo mxcctl audit */
        (void)execl("/bin/sh", "sh", "-c", command, NULL);
        _exit(EXIT_FAILURE);
}

void pager_open(void) {
        const char *command = pager_command(), *term = getenv("TERM");
        int ends[2];
        if (pager > 0 || settings.no_pager || !isatty(STDOUT_FILENO) || !command || !term ||
                        streq(term, "dumb"))
                return;
        (void)output_width();
        if (pipe2(ends, O_CLOEXEC) < 0)
                return;
        fflush(stdout);
        pid_t parent = getpid(), pid = fork();
        if (pid == 0)
                page(command, ends[0], parent);
        if (pid > 0 && dup2(ends[1], STDOUT_FILENO) >= 0) {
                pager = pid;
                was_terminal = true;
                (void)signal(SIGPIPE, SIG_IGN); /* the reader may leave early */
        }
        (void)close(ends[0]);
        (void)close(ends[1]);
}

int pager_close(void) {
        bool failed = fflush(stdout) != 0 || ferror(stdout);
        if (pager == 0)
                return failed ? fail(STATUS_TROUBLE, "cannot write the output: %s", strerror(errno)) : 0;
        (void)fclose(stdout);          /* the pager sees the end */
        (void)signal(SIGINT, SIG_IGN); /* less has it in its own way */
        while (waitpid(pager, NULL, 0) < 0 && errno == EINTR)
                ;
        pager = 0;
        return 0;
}

void output_json_line(const json_t *value) {
        size_t flags = JSON_ENCODE_ANY | (settings.json == JSON_SHORT ? JSON_COMPACT : JSON_INDENT(2)) |
                       (to_terminal() ? JSON_ENSURE_ASCII : 0);
        (void)json_dumpf(value, stdout, flags); /* pager_close() tells */
        putchar('\n');
}

int output_json(json_t *value) {
        pager_open();
        output_json_line(value);
        return pager_close();
}
