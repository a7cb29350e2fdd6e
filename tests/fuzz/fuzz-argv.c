/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cleanup.h"
#include "escape.h"
#include "fuzz.h"
#include "run.h"

/* A command line of mxcctl run, a word per line. Properties: nothing crashes; what is taken has a command, and within the limits; what
 * is refused is refused with a status; words are neither lost nor made; what is shown of them is harmless. */

#define WORDS_MAX 256U

static size_t split(char *text, char **argv) {
        size_t n = 0;
        for (char *word; n < WORDS_MAX && (word = strsep(&text, "\n"));)
                argv[n++] = word;
        argv[n] = NULL;
        return n;
}

static void check_shown(char *const *argv) {
        _cleanup_free_ char *shown = escape_words((const char *const *)argv);
        uint32_t c;
        for (size_t i = 0, n = shown ? strlen(shown) : 0; i < n;) {
                i += utf8_next(shown + i, n - i, &c);
                fuzz_holds(c != UINT32_MAX && character_is_plain(c), "what is shown is plain");
        }
}

static void check_environment(const Command *command) {
        _cleanup_free_ const char **env = NULL;
        size_t left_out, n = 0, bytes = 0;
        if (command_environment(command, command->argv, &env, &left_out) < 0)
                return;
        for (; env[n]; n++) {
                bytes += strlen(env[n]) + 1;
                fuzz_holds(strchr(env[n], '=') > env[n], "what is offered has a name");
        }
        fuzz_holds(n <= LIMIT_ENV && bytes <= LIMIT_ENV_BYTES, "the environment is bounded");
}

/* Helps and complaints are not what is looked at. */
static int parse_quietly(Options *o, char **argv, RunOptions *ret, int *ret_status) {
        static FILE *null;
        FILE *out = stdout, *err = stderr;
        if (!null)
                null = fopen("/dev/null", "we");
        stdout = stderr = null ? null : stderr;
        verb_begin(&verb_run_command, o, argv);
        int r = run_options_parse(&verb_run_command, o, ret, ret_status);
        stdout = out;
        stderr = err;
        return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char *argv[WORDS_MAX + 1];
        _cleanup_free_ char *text = malloc(size + 1);
        if (!text)
                return 0;
        if (size > 0)
                memcpy(text, data, size);
        text[size] = '\0';
        size_t n = split(text, argv);

        Options o;
        RunOptions run;
        int status = -1;
        int r = parse_quietly(&o, argv, &run, &status);
        fuzz_holds(r == 0 || (r < 0 && (status == 0 || status == 125)), "what is refused has a status");
        if (r < 0)
                return 0;
        fuzz_holds(o.n_words > 0 && o.n_words <= n && run.command.argv[0] && !argv[o.n_words],
                        "there is a command");
        fuzz_holds(run.timeout <= LIMIT_TIMEOUT_USEC && run.n_labels <= LIMIT_LABELS, "within the limits");
        check_shown(run.command.argv);
        check_environment(&run.command);
        return 0;
}
