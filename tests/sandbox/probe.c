/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/wait.h>

#include "cleanup.h"
#include "probe.h"

_Noreturn void answer(long result) {
        const char *name = result >= 0 ? "ok" : strerrorname_np(errno);
        printf("%s\n", name ? name : "an unknown error");
        exit(EXIT_SUCCESS);
}

_Noreturn void say(const char *word) {
        printf("%s\n", word);
        exit(EXIT_SUCCESS);
}

unsigned long number(const char *word) {
        return strtoul(word, NULL, 0);
}

/* What became of a child: ok, exit N, or the signal. */
_Noreturn void answer_child(pid_t pid) {
        int status;
        if (pid < 0 || waitpid(pid, &status, 0) != pid)
                answer(-1);
        if (WIFSIGNALED(status))
                printf("SIG%s\n", sigabbrev_np(WTERMSIG(status)));
        else if (WEXITSTATUS(status) != 0)
                printf("exit %d\n", WEXITSTATUS(status));
        else
                printf("ok\n");
        exit(EXIT_SUCCESS);
}

int main(int argc, char **argv) {
        static const Act *const tables[] = { call_acts, file_acts, process_acts };
        (void)setvbuf(stdout, NULL, _IOFBF, 0); /* nothing of it twice, in a child */
        for (size_t i = 0; argc > 1 && i < ELEMENTSOF(tables); i++)
                for (const Act *a = tables[i]; a->name; a++)
                        if (streq(argv[1], a->name) && argc - 2 >= a->n)
                                a->act(argv + 2);
        fprintf(stderr, "Usage: %s ACT WORD…\n", argv[0]);
        return EXIT_FAILURE;
}
