/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "fuzz.h"
#include "limits.h"
#include "request.h"

/* Bytes make the arguments of a call, as a client could: a list of pieces "key TYPE value", each of which ends at a newline. TYPE is one of
 * s, b, u, t, A (as: words between commas) and L (a{ss}: the same words, two by two). Each of the four methods reads the message. Properties:
 * nothing crashes; a refusal has a name and a sentence; what is taken is within its limits. */

typedef struct Piece {
        char *key, type, *value;
} Piece;

static bool next_piece(char **at, Piece *ret) {
        char *line = strsep(at, "\n");
        if (!line || (!*line && !*at)) /* the last newline begins nothing */
                return false;
        char *key = strsep(&line, " "), *type = strsep(&line, " ");
        *ret = (Piece){ .key = key, .type = type && *type ? *type : 's', .value = line ? line : (char *)"" };
        return true;
}

static int append_words(sd_bus_message *m, char *text, bool pairs) {
        int r = sd_bus_message_open_container(m, 'a', pairs ? "{ss}" : "s");
        for (char *word; r >= 0 && (word = strsep(&text, ","));) {
                const char *value = pairs ? strsep(&text, ",") : NULL;
                r = pairs ? sd_bus_message_append(m, "{ss}", word, value ? value : "")
                          : sd_bus_message_append(m, "s", word);
        }
        return r >= 0 ? sd_bus_message_close_container(m) : r;
}

static int append_value(sd_bus_message *m, const Piece *p) {
        uint64_t number = strtoull(p->value, NULL, 10); /* any number is as good */
        switch (p->type) {
        case 'b':
                return sd_bus_message_append(m, "v", "b", (int)(number & 1));
        case 'u':
                return sd_bus_message_append(m, "v", "u", (uint32_t)number);
        case 't':
                return sd_bus_message_append(m, "v", "t", number);
        case 'A':
        case 'L': {
                int r = sd_bus_message_open_container(m, 'v', p->type == 'A' ? "as" : "a{ss}");
                if (r >= 0)
                        r = append_words(m, p->value, p->type == 'L');
                return r >= 0 ? sd_bus_message_close_container(m) : r;
        }
        default:
                return sd_bus_message_append(m, "v", "s", p->value);
        }
}

/* Negative where the bytes are nothing that a bus would carry, such as text that is not UTF-8. */
static int fill(sd_bus_message *m, RequestFor what, char *text) {
        Piece p;
        char *argv = strsep(&text, "\n");
        int r = what == REQUEST_FOR_EXEC ? 0 : sd_bus_message_append(m, "s", "an-agent");
        if (r >= 0 && what != REQUEST_FOR_CREATE)
                r = append_words(m, argv, false);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "{sv}");
        while (r >= 0 && next_piece(&text, &p)) {
                r = sd_bus_message_open_container(m, 'e', "sv");
                if (r >= 0)
                        r = sd_bus_message_append(m, "s", p.key);
                if (r >= 0)
                        r = append_value(m, &p);
                if (r >= 0)
                        r = sd_bus_message_close_container(m);
        }
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r >= 0 ? sd_bus_message_seal(m, 1, 0) : r;
}

static void check(const SpawnRequest *q, RequestFor what) {
        size_t n = 0;
        for (; q->argv && q->argv[n]; n++)
                ;
        fuzz_holds((what == REQUEST_FOR_CREATE) == (n == 0) && n <= LIMIT_ARGV,
                        "there is a command, or none");
        for (n = 0; q->env && q->env[n]; n++)
                fuzz_holds(strchr(q->env[n], '=') > q->env[n], "a variable has a name");
        fuzz_holds(n <= LIMIT_ENV, "variables are bounded");
        for (n = 0; q->labels && q->labels[n]; n++)
                fuzz_holds(strlen(q->labels[n]) <= LIMIT_LABEL_VALUE_BYTES, "labels are bounded");
        fuzz_holds(n % 2 == 0 && n <= (size_t)2 * LIMIT_LABELS, "labels are pairs");
        fuzz_holds(q->rows <= LIMIT_TTY_ROWS && q->columns <= LIMIT_TTY_ROWS, "a terminal is bounded");
        fuzz_holds(q->timeout <= LIMIT_TIMEOUT_USEC, "a timeout is bounded");
        fuzz_holds((!q->cwd || *q->cwd == '/') && (!q->workspace || *q->workspace == '/'),
                        "paths are absolute");
}

static void read_as(sd_bus *bus, RequestFor what, const uint8_t *data, size_t size) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_free_ char *text = strndup((const char *)data, size);
        SpawnRequest q = { .stdio = { -EBADF, -EBADF, -EBADF } };
        if (!text || sd_bus_message_new_method_call(bus, &m, NULL, "/x", "x.y", "Z") < 0 ||
                        fill(m, what, text) < 0)
                return;
        fuzz_holds(sd_bus_message_rewind(m, true) >= 0, "it can be read");
        int r = spawn_request_read(m, what, &q, &error);
        fuzz_holds(r == 0 || (error.name && error.message && *error.message), "a refusal says why");
        if (r == 0)
                check(&q, what);
        spawn_request_clear(&q);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const RequestFor all[] = { REQUEST_FOR_SPAWN, REQUEST_FOR_CREATE, REQUEST_FOR_PLAN,
                REQUEST_FOR_EXEC };
        static sd_bus *bus; /* begun, and nobody answers: messages can be made for it */
        if (!bus) {
                int pair[2];
                fuzz_holds(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0 &&
                                                sd_bus_new(&bus) >= 0 &&
                                                sd_bus_set_fd(bus, pair[0], pair[0]) >= 0 &&
                                                sd_bus_start(bus) >= 0,
                                "there is a bus");
        }
        for (size_t i = 0; i < ELEMENTSOF(all); i++)
                read_as(bus, all[i], data, size);
        return 0;
}
