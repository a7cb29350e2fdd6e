/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* process ROUNDS GAP_MS { LABEL USER COMMAND… ";" }…: how long whole processes take, from fork to the end of wait. The rows take turns, in
 * another order each round (the same in each run), so that whatever else the machine does falls on all alike. What a row leaves to be done
 * when it has ended (units that go, networks that are taken down, records that are written) is nobody else's: the next one begins when nothing
 * runs any more. Prints "LABEL<TAB>p50<TAB>p99<TAB>failures" per row, in microseconds, and on standard error how often it was not waited for to
 * the end. Runs as root; USER is whom a row becomes, and USER:STATUS says with what it is to end, 0 where nothing is said. */

#include "common/cleanup.h"
#include "tests/bench/samples.h"

#include <err.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <sys/wait.h>

#define SETTLE_LOOKS 3 /* in a row that find nothing else running */
#define SETTLE_EVERY_NS (UINT64_C(200) * 1000)
#define PROGRESS_EVERY_NS UINT64_C(10000000000)
#define SETTLE_MAX_NS (UINT64_C(50) * 1000000)

typedef struct Row {
        const char *label;
        uid_t uid;
        gid_t gid;
        char *home;
        gid_t groups[64];
        int n_groups;
        char **argv; /* into main's argv, NULL-terminated in place */
        Samples samples;
        unsigned failures;
        unsigned long status; /* that it is to exit with */
} Row;

static unsigned long number(const char *text) {
        char *end;
        unsigned long n = strtoul(text, &end, 10);

        if (*text == '\0' || *end != '\0')
                errx(EXIT_FAILURE, "not a number: %s", text);
        return n;
}

static size_t parse_rows(char **words, Row *rows, size_t capacity) {
        size_t n = 0;

        while (*words) {
                if (n == capacity || !words[1] || !words[2])
                        errx(EXIT_FAILURE, "a row is LABEL USER COMMAND… ';'");
                char *status = strchr(words[1], ':');
                if (status)
                        *status++ = '\0';
                const struct passwd *user = getpwnam(words[1]);
                if (!user)
                        errx(EXIT_FAILURE, "no user %s", words[1]);
                Row *row = rows + n;
                *row = (Row){
                        .label = words[0], .uid = user->pw_uid, .gid = user->pw_gid, .argv = words + 2
                };
                row->home = strdup(user->pw_dir);
                row->status = status ? number(status) : 0;
                row->n_groups = ELEMENTSOF(row->groups);
                if (!row->home || getgrouplist(words[1], row->gid, row->groups, &row->n_groups) < 0)
                        errx(EXIT_FAILURE, "cannot look up %s", words[1]);
                for (words += 2; *words && !streq(*words, ";"); words++)
                        ;
                if (*words)
                        *words++ = NULL;
                n++;
        }
        return n;
}

static _Noreturn void become(const Row *row, int null) {
        if (dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
                _exit(127);
        if (setgroups((size_t)row->n_groups, row->groups) < 0 ||
                        setresgid(row->gid, row->gid, row->gid) < 0 ||
                        setresuid(row->uid, row->uid, row->uid) < 0)
                _exit(127);
        (void)setenv("HOME", row->home, 1);
        if (chdir(row->home) < 0)
                _exit(127);
        execvp(row->argv[0], row->argv);
        _exit(127);
}

/* Processes that run or could, us included: proc_loadavg(5). */
static unsigned n_running(int loadavg) {
        char text[128] = "";
        unsigned n;

        if (pread(loadavg, text, sizeof(text) - 1, 0) < 0 || sscanf(text, "%*s %*s %*s %u/", &n) != 1)
                errx(EXIT_FAILURE, "/proc/loadavg says something else");
        return n;
}

/* False: others run all the time. */
static bool settle(int loadavg) {
        uint64_t start = now_ns();

        for (int looks = 0; looks < SETTLE_LOOKS; looks = n_running(loadavg) <= 1 ? looks + 1 : 0) {
                if (now_ns() - start > SETTLE_MAX_NS)
                        return false;
                sleep_ns(SETTLE_EVERY_NS);
        }
        return true;
}

/* Fisher and Yates, over a generator of Marsaglia's. */
static void shuffle(size_t *order, size_t n) {
        static uint32_t state = 2463534242;

        for (size_t i = n; i > 1; i--) {
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                size_t j = state % i, other = order[j];
                order[j] = order[i - 1];
                order[i - 1] = other;
        }
}

static void run_once(Row *row, int null) {
        uint64_t start = now_ns();
        pid_t pid = fork();
        int status;

        if (pid < 0)
                err(EXIT_FAILURE, "fork");
        if (pid == 0)
                become(row, null);
        if (waitpid(pid, &status, 0) < 0)
                err(EXIT_FAILURE, "wait");
        if (WIFEXITED(status) && (unsigned long)WEXITSTATUS(status) == row->status)
                samples_add(&row->samples, now_ns() - start);
        else
                row->failures++;
}

/* Now and then: whoever waits for minutes should see how far it is. */
static void tell_progress(unsigned long done, unsigned long all) {
        static uint64_t told;

        if (told == 0)
                told = now_ns();
        if (now_ns() - told < PROGRESS_EVERY_NS)
                return;
        told = now_ns();
        fprintf(stderr, "  %lu of %lu rounds\n", done, all);
}

int main(int argc, char **argv) {
        Row rows[32];
        size_t order[ELEMENTSOF(rows)];
        unsigned long unsettled = 0;

        if (argc < 6)
                errx(EXIT_FAILURE, "usage: bench-process ROUNDS GAP_MS { LABEL USER COMMAND… ';' }…");
        unsigned long rounds = number(argv[1]), gap = number(argv[2]);
        size_t n = parse_rows(argv + 3, rows, ELEMENTSOF(rows));
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);

        if (null < 0)
                err(EXIT_FAILURE, "/dev/null");
        int loadavg = open("/proc/loadavg", O_RDONLY | O_CLOEXEC);

        if (loadavg < 0)
                err(EXIT_FAILURE, "/proc/loadavg");
        for (size_t i = 0; i < n; i++)
                order[i] = i;
        for (unsigned long round = 0; round < rounds + 3; round++) {
                tell_progress(round,
                                rounds + 3); /* what that gives others to do is over when the first row begins */
                shuffle(order, n);
                for (size_t i = 0; i < n; i++) {
                        unsettled += !settle(loadavg);
                        if (gap)
                                sleep_ns(gap * 1000000);
                        run_once(rows + order[i], null);
                }
                for (size_t i = 0; i < n && round == 2;
                                i++) /* three to warm up: a failure there may be the cold start, and is not counted */
                        rows[i].samples.n = rows[i].failures = 0;
        }
        if (unsettled > 0)
                fprintf(stderr, "  something else ran all the time before %lu of %lu\n", unsettled,
                                (rounds + 3) * n);
        for (size_t i = 0; i < n; i++)
                printf("%s\t%" PRIu64 "\t%" PRIu64 "\t%u\n", rows[i].label,
                                samples_percentile(&rows[i].samples, 50) / 1000,
                                samples_percentile(&rows[i].samples, 99) / 1000, rows[i].failures);
        return EXIT_SUCCESS;
}
