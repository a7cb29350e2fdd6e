/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <jansson.h>

#include "cleanup.h"
#include "policy.h"

/* For the contract test: says of each file whether the parser takes it, one line each: "good FILE" or
 * "refused FILE POINTER: SENTENCE". --syscalls prints the names that a policy may use instead. Bases of extends are the
 * files of the directory in MXC_TEST_BASES. */

static json_t *lookup(const char *name, void *userdata) {
        _cleanup_free_ char *path = NULL;
        if (asprintf(&path, "%s/%s.json", (const char *)userdata, name) < 0) {
                path = NULL;
                return NULL;
        }
        return json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
}

static int read_file(const char *path, char **ret, size_t *ret_size) {
        _cleanup_fclose_ FILE *f = fopen(path, "re");
        const size_t max = LIMIT_POLICY_BYTES + 2;
        _cleanup_free_ char *text = malloc(max);
        if (!f || !text)
                return -EIO;
        *ret_size = fread(text, 1, max, f);
        *ret = TAKE_PTR(text);
        return ferror(f) ? -EIO : 0;
}

static int check(const char *path, char *bases) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r = read_file(path, &text, &size);
        if (r < 0)
                return r;
        Policy *p = NULL;
        PolicyError error = { 0 };
        r = policy_parse(text, size, lookup, bases, &p, &error);
        if (r == 0)
                printf("good %s\n", path);
        else if (r == -EINVAL && error.pointer && error.sentence)
                printf("refused %s %s: %s\n", path, error.pointer, error.sentence);
        else
                return r == -EINVAL ? -EBADMSG : r; /* a refusal without its reason is a bug */
        policy_unref(p);
        policy_error_clear(&error);
        return 0;
}

int main(int argc, char **argv) {
        char *bases = getenv("MXC_TEST_BASES");
        if (argc == 2 && streq(argv[1], "--syscalls")) {
                for (size_t i = 0; i < n_syscall_table; i++)
                        puts(syscall_table[i]);
                return EXIT_SUCCESS;
        }
        for (int i = 1; i < argc; i++) {
                int r = bases ? check(argv[i], bases) : -ENOENT;
                if (r < 0) {
                        fprintf(stderr, "%s: %s\n", argv[i], strerror(-r));
                        return EXIT_FAILURE;
                }
        }
        return EXIT_SUCCESS;
}
