/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Policies from layers of files: which one counts, what is refused, and what stays in force then. */

#include <fcntl.h>
#include <jansson.h>
#include <sys/stat.h>

#include "daemon-test.h"
#include "policy-store.h"

static void store_freep(PolicyStore **s) {
        if (*s)
                policy_store_free(*s);
}

#define CEILING                                                                                             \
        "{\"schema\": \"mxc-policy/1\", \"name\": \"ceiling\", \"filesystem\": {\"readonlyPaths\": "        \
        "[\"/\"]}}"
#define HANDOFF "{\"schema\": \"mxc-handoff/1\", \"root\": [\".envrc\"]}"

/* A policy of that name that may read one path, in LAYER/policies. */
static void write_policy(const char *layer, const char *name, const char *path) {
        _cleanup_free_ char *file = NULL, *text = NULL;
        ck_assert_int_ge(asprintf(&file, "%s/policies/%s.json", layer, name), 0);
        ck_assert_int_ge(asprintf(&text,
                                         "{\"schema\": \"mxc-policy/1\", \"name\": \"%s\", \"filesystem\": "
                                         "{\"readonlyPaths\": [\"%s\"]}}",
                                         name, path),
                        0);
        write_file(file, text);
}

/* usr, etc and run, as MXC_LIBDIR, /etc/mxc and /run/mxc are. */
static PolicyStore *store_open(void) {
        _cleanup_free_ char *usr = path_of("usr"), *etc = path_of("etc"), *run = path_of("run");
        const char *const dirs[] = { usr, etc, run, NULL };
        PolicyStore *s = NULL;
        ck_assert_int_eq(policy_store_new(dirs, &s), 0);
        return s;
}

static void make_layer(const char *layer) {
        _cleanup_free_ char *policies = NULL;
        ck_assert_int_ge(asprintf(&policies, "%s/policies", layer), 0);
        make_dir(layer);
        make_dir(policies);
}

/* What every host has: usr with the essentials and one policy. */
static PolicyStore *host_open(void) {
        make_layer("usr");
        write_file("usr/ceiling.json", CEILING);
        write_file("usr/handoff.json", HANDOFF);
        write_policy("usr", "base", "/usr");
        return store_open();
}

/* ---- what a load tells ---- */

typedef struct Told {
        char *name, *file, *error, *digest;
        bool in_force, changed;
} Told;

typedef struct Telling {
        Told told[32];
        size_t n;
} Telling;

static char *copy_of(const char *s) {
        return s ? strdup(s) : NULL;
}

static void on_change(const PolicyChange *c, void *userdata) {
        Telling *t = userdata;
        if (t->n == ELEMENTSOF(t->told))
                return; /* the cases with more look at the store itself */
        t->told[t->n++] = (Told){ .name = copy_of(c->name),
                .file = copy_of(c->file),
                .error = copy_of(c->error),
                .digest = copy_of(c->digest),
                .in_force = c->policy,
                .changed = c->changed };
}

static void telling_clear(Telling *t) {
        for (size_t i = 0; i < t->n; i++) {
                free(t->told[i].name);
                free(t->told[i].file);
                free(t->told[i].error);
                free(t->told[i].digest);
        }
        *t = (Telling){ 0 };
}

static const Told *told_of(const Telling *t, const char *name) {
        for (size_t i = 0; i < t->n; i++)
                if (streq(t->told[i].name, name))
                        return &t->told[i];
        return NULL;
}

static void load(PolicyStore *s) {
        ck_assert_int_eq(policy_store_load(s, NULL, NULL), 0);
}

/* The path that the policy in force may read, or NULL. */
static const char *reads(const PolicyStore *s, const char *name) {
        const Policy *p = policy_store_find(s, name);
        return p ? p->paths[0].path : NULL;
}

static const StoredPolicy *stored(const PolicyStore *s, const char *name) {
        size_t n;
        const StoredPolicy *list = policy_store_list(s, &n);
        for (size_t i = 0; i < n; i++)
                if (streq(list[i].name, name))
                        return &list[i];
        return NULL;
}

/* name is bad for this reason, and what was in force of it is. */
static void expect_bad(const PolicyStore *s, const char *name, const char *fragment, const char *path) {
        const StoredPolicy *p = stored(s, name);
        ck_assert_msg(p && p->error, "%s is not known to be bad", name);
        ck_assert_msg(strstr(p->error, fragment), "%s: the error is \"%s\"", name, p->error);
        ck_assert_msg(strstr(p->error, p->file) == p->error, "the error does not name the file: %s",
                        p->error);
        if (path)
                ck_assert_str_eq(reads(s, name), path);
        else
                ck_assert_ptr_null(reads(s, name));
}

/* ---- layers ---- */

START_TEST(test_the_last_layer_counts) {
        _cleanup_(store_freep) PolicyStore *s = host_open();
        make_layer("etc");
        make_layer("run");
        load(s);
        ck_assert_str_eq(reads(s, "base"), "/usr");
        write_policy("etc", "base", "/etc");
        write_policy("etc", "own", "/srv");
        load(s);
        ck_assert_str_eq(reads(s, "base"), "/etc");
        ck_assert_str_eq(reads(s, "own"), "/srv");
        write_policy("run", "base", "/run");
        load(s);
        ck_assert_str_eq(reads(s, "base"), "/run");
        _cleanup_free_ char *file = path_of("run/policies/base.json");
        ck_assert_str_eq(stored(s, "base")->file, file);
        remove_file("run/policies/base.json");
        remove_file("etc/policies/base.json");
        load(s);
        ck_assert_str_eq(reads(s, "base"), "/usr");
        remove_file("etc/policies/own.json");
        load(s);
        ck_assert_ptr_null(policy_store_find(s, "own"));
        ck_assert_ptr_null(stored(s, "own"));
}
END_TEST

/* A bad file of a later layer does not bring an earlier layer's back: that may be wider. */
START_TEST(test_a_bad_file_hides_the_layers_below) {
        _cleanup_(store_freep) PolicyStore *s = host_open();
        make_layer("etc");
        write_file("etc/policies/base.json", "{}");
        load(s);
        expect_bad(s, "base", "schema", NULL);
        write_policy("etc", "base", "/etc");
        load(s);
        write_file("etc/policies/base.json", "{}");
        load(s);
        expect_bad(s, "base", "schema", "/etc");
}
END_TEST

START_TEST(test_masks) {
        _cleanup_(store_freep) PolicyStore *s = host_open();
        _cleanup_free_ char *mask = path_of("etc/policies/base.json"),
                            *odd = path_of("etc/policies/odd.json");
        make_layer("etc");
        make_layer("run");
        ck_assert_int_eq(symlink("/dev/null", mask), 0);
        load(s);
        ck_assert_ptr_null(policy_store_find(s, "base"));
        ck_assert_ptr_null(stored(s, "base"));
        write_policy("run", "base", "/run"); /* above the mask */
        load(s);
        ck_assert_str_eq(reads(s, "base"), "/run");
        static const char *const elsewhere[] = { "/dev/nul", "/dev/null2", "/dev/zero",
                "../../usr/policies/base.json" };
        for (size_t i = 0; i < ELEMENTSOF(elsewhere); i++) {
                ck_assert_int_eq(symlink(elsewhere[i], odd), 0);
                load(s);
                expect_bad(s, "odd", "symbolic link", NULL);
                ck_assert_int_eq(unlink(odd), 0);
        }
}
END_TEST

/* ---- bad files ---- */

static void make_fifo(const char *path) {
        ck_assert_int_eq(mkfifo(path, 0644), 0);
}
static void make_directory(const char *path) {
        ck_assert_int_eq(mkdir(path, 0755), 0);
}
static void make_link(const char *path) {
        ck_assert_int_eq(symlink("base.json", path), 0);
}
static void make_empty(const char *path) {
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        ck_assert_int_ge(fd, 0);
}
static void make_mode(const char *path, mode_t mode) {
        make_empty(path);
        ck_assert_int_eq(chmod(path, mode), 0);
}
static void make_group_writable(const char *path) {
        make_mode(path, 0664);
}
static void make_writable(const char *path) {
        make_mode(path, 0646);
}
static void make_huge(const char *path) {
        make_empty(path);
        ck_assert_int_eq(truncate(path, LIMIT_POLICY_BYTES + 1), 0);
}
/* Of somebody else. Who is not root cannot make one, and gets a file that is bad for another reason. */
static void make_strange(const char *path) {
        make_empty(path);
        if (geteuid() == 0)
                ck_assert_int_eq(chown(path, 1, 0), 0);
        else
                ck_assert_int_eq(chmod(path, 0666), 0);
}

static const struct {
        void (*make)(const char *path);
        const char *sentence;
} bad_files[] = {
        { make_fifo, "not a regular file" },
        { make_directory, "not a regular file" },
        { make_link, "symbolic link" },
        { make_empty, "not the JSON" },
        { make_group_writable, "writable by others" },
        { make_writable, "writable by others" },
        { make_huge, "too large" },
        { make_strange, "root" },
};

START_TEST(test_a_bad_file_keeps_the_last_good_policy) {
        _cleanup_(store_freep) PolicyStore *s = host_open();
        _cleanup_free_ char *path = path_of("usr/policies/x.json");
        bad_files[_i].make(path);
        load(s);
        expect_bad(s, "x", bad_files[_i].sentence, NULL); /* it never was good: there is no such policy */
        ck_assert_str_eq(reads(s, "base"), "/usr");
        ck_assert_int_eq(remove(path), 0);

        write_policy("usr", "x", "/srv");
        load(s);
        ck_assert_ptr_null(stored(s, "x")->error);
        ck_assert_int_eq(unlink(path), 0);
        bad_files[_i].make(path);
        for (unsigned i = 0; i < 3; i++) { /* however often it is read */
                load(s);
                expect_bad(s, "x", bad_files[_i].sentence, "/srv");
        }
        ck_assert_int_eq(remove(path), 0);
        load(s);
        ck_assert_ptr_null(policy_store_find(s, "x")); /* removed is not bad */
        write_policy("usr", "x", "/opt");
        load(s);
        ck_assert_str_eq(reads(s, "x"), "/opt");
        ck_assert_ptr_null(stored(s, "x")->error);
}
END_TEST

START_TEST(test_the_error_says_where) {
        _cleanup_(store_freep) PolicyStore *s = host_open();
        write_file("usr/policies/x.json",
                        "{\n  \"schema\": \"mxc-policy/1\",\n  \"name\": \"x\",\n  \"colour\": 1\n}\n");
        load(s);
        expect_bad(s, "x", ":4:3: /colour: unknown key", NULL);
        write_file("usr/policies/x.json", "{\"schema\": \"mxc-policy/1\", \"name\": \"y\"}");
        load(s);
        expect_bad(s, "x", ":1:36: /name: must be \"x\", as the file is called", NULL);
        write_file("usr/policies/x.json", "{\"schema\": \"mxc-policy/1\"}");
        load(s);
        expect_bad(s, "x", "/name: must be \"x\"", NULL);
}
END_TEST

START_TEST(test_names) {
        _cleanup_(store_freep) PolicyStore *s = host_open();
        static const char *const bad[] = { "Upper.json", "a b.json", "-x.json", "a\nb.json", ".json.json",
                "\xff.json" };
        static const char *const ignored[] = { "x.json~", "x.conf", "README", ".x.json", "json" };
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                _cleanup_free_ char *file = NULL;
                ck_assert_int_ge(asprintf(&file, "usr/policies/%s", bad[i]), 0);
                write_file(file, "{}");
        }
        for (size_t i = 0; i < ELEMENTSOF(ignored); i++) {
                _cleanup_free_ char *file = NULL;
                ck_assert_int_ge(asprintf(&file, "usr/policies/%s", ignored[i]), 0);
                write_file(file, "{}");
        }
        load(s);
        size_t n;
        const StoredPolicy *list = policy_store_list(s, &n);
        ck_assert_uint_eq(n, 2 + ELEMENTSOF(bad) - 1); /* base and ceiling; ".json.json" begins with a dot */
        for (size_t i = 0; i < n; i++) {
                if (policy_name_is_valid(list[i].name))
                        continue;
                ck_assert_ptr_nonnull(strstr(list[i].error, "cannot be a name"));
                ck_assert_ptr_null(list[i].policy);
                for (const char *p = list[i].error; *p; p++) /* it goes to terminals and over the bus */
                        ck_assert(*p >= 0x20 && *p < 0x7f);
                ck_assert_ptr_null(policy_store_find(s, list[i].name));
        }
}
END_TEST

START_TEST(test_so_many_policies) {
        _cleanup_(store_freep) PolicyStore *s = host_open(); /* one is there already */
        for (unsigned i = 1; i < LIMIT_POLICIES; i++) {
                char name[16];
                (void)snprintf(name, sizeof(name), "p%04u", i);
                write_policy("usr", name, "/usr");
        }
        load(s);
        size_t n;
        const StoredPolicy *list = policy_store_list(s, &n);
        ck_assert_uint_eq(n, LIMIT_POLICIES + 1); /* and the ceiling */
        for (size_t i = 0; i < n; i++)
                ck_assert_msg(!list[i].error, "%s", list[i].error);
        write_policy("usr", "z", "/usr");
        load(s);
        expect_bad(s, "z", "one file more", NULL);
        ck_assert_str_eq(reads(s, "p0001"), "/usr");
        /* one that comes before them in order pushes the last out of the files that are read, not out of force */
        remove_file("usr/policies/z.json");
        write_policy("usr", "a", "/usr");
        load(s);
        char last[16];
        (void)snprintf(last, sizeof(last), "p%04u", LIMIT_POLICIES - 1);
        expect_bad(s, last, "one file more", "/usr");
}
END_TEST

/* ---- directories ---- */

START_TEST(test_directories_that_others_can_write) {
        static const char *const places[] = { "etc", "etc/policies" };
        for (size_t i = 0; i < ELEMENTSOF(places); i++) {
                _cleanup_(store_freep) PolicyStore *s = i == 0 ? host_open() : store_open();
                _cleanup_free_ char *path = path_of(places[i]);
                if (i == 0)
                        make_layer("etc");
                write_policy("etc", "base", "/etc");
                load(s);
                ck_assert_int_eq(chmod(path, 0775), 0);
                remove_file("etc/policies/base.json"); /* as anybody could who hides a stricter policy */
                _cleanup_(telling_clear) Telling t = { 0 };
                ck_assert_int_eq(policy_store_load(s, on_change, &t), -EPERM);
                ck_assert_uint_eq(t.n, 1);
                ck_assert_str_eq(t.told[0].file, path);
                ck_assert_ptr_nonnull(strstr(t.told[0].error, "writable by others"));
                ck_assert_str_eq(reads(s, "base"), "/etc"); /* nothing is touched */
                _cleanup_(store_freep) PolicyStore *fresh = store_open();
                ck_assert_int_eq(policy_store_load(fresh, NULL, NULL), -EPERM);
                ck_assert_ptr_null(policy_store_ceiling(fresh));
                ck_assert_int_eq(chmod(path, 0755), 0);
                load(s);
                ck_assert_str_eq(reads(s, "base"), "/usr");
        }
}
END_TEST

START_TEST(test_a_directory_that_is_none) {
        _cleanup_(store_freep) PolicyStore *s = host_open();
        _cleanup_free_ char *link = path_of("etc");
        make_dir("elsewhere");
        ck_assert_int_eq(symlink("elsewhere", link), 0);
        ck_assert_int_lt(policy_store_load(s, NULL, NULL), 0);
        ck_assert_int_eq(unlink(link), 0);
        write_file("etc", "");
        ck_assert_int_lt(policy_store_load(s, NULL, NULL), 0);
        remove_file("etc");
        load(s);
}
END_TEST

/* ---- the essentials ---- */

START_TEST(test_nothing_goes_without_a_ceiling_and_a_handoff_list) {
        static const char *const essentials[] = { "usr/ceiling.json", "usr/handoff.json" };
        for (size_t i = 0; i < ELEMENTSOF(essentials); i++) {
                _cleanup_(store_freep) PolicyStore *s = i == 0 ? host_open() : store_open();
                remove_file(essentials[i]);
                ck_assert_int_eq(policy_store_load(s, NULL, NULL), -ENODATA);
                ck_assert_ptr_null(policy_store_find(s, "base"));
                write_file(essentials[i], "{");
                _cleanup_(telling_clear) Telling t = { 0 };
                ck_assert_int_eq(policy_store_load(s, on_change, &t), -ENODATA);
                const Told *told = told_of(&t, i == 0 ? "ceiling" : "handoff");
                ck_assert(told && told->error && !told->digest); /* why not is told all the same */
                write_file(essentials[i], i == 0 ? CEILING : HANDOFF);
                load(s);
                ck_assert_str_eq(reads(s, "base"), "/usr");
        }
}
END_TEST

START_TEST(test_the_last_good_ceiling_stays) {
        static const char *const bad[] = { "{", "{\"schema\": \"mxc-policy/1\", \"name\": \"other\"}",
                "{\"schema\": \"mxc-policy/1\", \"name\": \"ceiling\", \"extends\": \"base\"}", NULL };
        _cleanup_(store_freep) PolicyStore *s = host_open();
        load(s);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                if (bad[i])
                        write_file("usr/ceiling.json", bad[i]);
                else
                        remove_file("usr/ceiling.json");
                for (unsigned j = 0; j < 2; j++) {
                        load(s);
                        expect_bad(s, "ceiling", "", "/");
                        ck_assert_str_eq(policy_store_ceiling(s)->paths[0].path, "/");
                }
        }
        make_layer("etc");
        write_file("etc/ceiling.json", "{\"schema\": \"mxc-policy/1\", \"name\": \"ceiling\", "
                                       "\"filesystem\": {\"readonlyPaths\": "
                                       "[\"/usr\"]}}");
        load(s);
        ck_assert_str_eq(policy_store_ceiling(s)->paths[0].path, "/usr");
        ck_assert_ptr_null(stored(s, "ceiling")->error);
        ck_assert_ptr_eq(policy_store_find(s, "ceiling"), policy_store_ceiling(s));
}
END_TEST

START_TEST(test_the_last_good_handoff_list_stays) {
        static const char *const bad[] = { "{", "{\"schema\": \"mxc-handoff/1\", \"root\": [\"/abs\"]}",
                NULL };
        _cleanup_(store_freep) PolicyStore *s = host_open();
        load(s);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                if (bad[i])
                        write_file("usr/handoff.json", bad[i]);
                else
                        remove_file("usr/handoff.json");
                for (unsigned j = 0; j < 2; j++) {
                        _cleanup_(telling_clear) Telling t = { 0 };
                        ck_assert_int_eq(policy_store_load(s, on_change, &t), 0);
                        const Told *told = told_of(&t, "handoff");
                        ck_assert(told && told->error && told->digest && told->changed == (j == 0));
                        ck_assert_uint_eq(policy_store_handoff(s)->n, 1);
                        ck_assert_str_eq(policy_store_handoff(s)->items[0].path, ".envrc");
                }
        }
        write_file("usr/handoff.json", "{\"schema\": \"mxc-handoff/1\", \"root\": [\".a\", \".b\"]}");
        load(s);
        ck_assert_uint_eq(policy_store_handoff(s)->n, 2);
}
END_TEST

START_TEST(test_no_policy_is_called_ceiling) {
        _cleanup_(store_freep) PolicyStore *s = host_open();
        write_policy("usr", "ceiling", "/home");
        load(s);
        ck_assert_str_eq(reads(s, "ceiling"), "/");
        expect_bad(s, "ceiling.json", "no other policy can have its name", NULL);
}
END_TEST

/* ---- extends ---- */

static void write_extending(const char *name, const char *base, const char *more) {
        _cleanup_free_ char *file = NULL, *text = NULL;
        ck_assert_int_ge(asprintf(&file, "usr/policies/%s.json", name), 0);
        ck_assert_int_ge(asprintf(&text,
                                         "{\"schema\": \"mxc-policy/1\", \"name\": \"%s\", \"extends\": "
                                         "\"%s\"%s}",
                                         name, base, more),
                        0);
        write_file(file, text);
}

START_TEST(test_extends_what_is_in_force) {
        _cleanup_(store_freep) PolicyStore *s = host_open();
        write_extending("a", "z", ""); /* before its base in order */
        write_extending("z", "base", "");
        load(s);
        ck_assert_str_eq(reads(s, "a"), "/usr");
        write_policy("usr", "base", "/opt");
        load(s);
        ck_assert_str_eq(reads(s, "a"), "/opt");
        write_file("usr/policies/base.json", "{"); /* the last good base is what is extended */
        load(s);
        expect_bad(s, "base", "", "/opt");
        ck_assert_str_eq(reads(s, "a"), "/opt");
        ck_assert_ptr_null(stored(s, "a")->error);
        write_extending("b", "base", ", \"description\": \"new\""); /* also by one that is new */
        load(s);
        ck_assert_str_eq(reads(s, "b"), "/opt");
        remove_file("usr/policies/base.json");
        load(s);
        expect_bad(s, "z", "there is no policy \"base\"", "/opt");
        ck_assert_str_eq(reads(s, "a"), "/opt"); /* of z, the last good one */
        ck_assert_ptr_null(stored(s, "a")->error);
}
END_TEST

START_TEST(test_circles_and_chains) {
        _cleanup_(store_freep) PolicyStore *s = host_open();
        write_extending("self", "self", "");
        write_extending("x", "y", "");
        write_extending("y", "x", "");
        char name[16], base[16] = "base";
        for (unsigned i = 1; i <= LIMIT_POLICY_EXTENDS + 1; i++) {
                (void)snprintf(name, sizeof(name), "c%02u", i);
                write_extending(name, base, "");
                memcpy(base, name, sizeof(base));
        }
        load(s);
        expect_bad(s, "self", "in a row, or itself", NULL);
        expect_bad(s, "x", "in a row, or itself", NULL);
        expect_bad(s, "y", "there is no policy \"x\"", NULL);
        (void)snprintf(name, sizeof(name), "c%02u", LIMIT_POLICY_EXTENDS);
        ck_assert_str_eq(reads(s, name), "/usr");
        (void)snprintf(name, sizeof(name), "c%02u", LIMIT_POLICY_EXTENDS + 1);
        expect_bad(s, name, "in a row", NULL);
}
END_TEST

START_TEST(test_documents_of_callers) {
        static const char text[] = "{\"schema\": \"mxc-policy/1\", \"extends\": \"base\"}";
        _cleanup_(store_freep) PolicyStore *s = host_open();
        PolicyError error = { 0 };
        Policy *p = NULL;
        load(s);
        ck_assert_int_eq(policy_parse(text, strlen(text), policy_store_lookup, s, &p, &error), 0);
        ck_assert_str_eq(p->paths[0].path, "/usr");
        policy_unref(p);
        write_file("usr/policies/base.json", "{");
        load(s);
        ck_assert_int_eq(policy_parse(text, strlen(text), policy_store_lookup, s, &p, &error), 0);
        policy_unref(p);
        remove_file("usr/policies/base.json");
        load(s);
        ck_assert_int_eq(policy_parse(text, strlen(text), policy_store_lookup, s, &p, &error), -EINVAL);
        policy_error_clear(&error);
}
END_TEST

/* ---- telling ---- */

START_TEST(test_what_a_load_tells) {
        _cleanup_(store_freep) PolicyStore *s = host_open();
        for (unsigned i = 0; i < 2; i++) {
                _cleanup_(telling_clear) Telling t = { 0 };
                ck_assert_int_eq(policy_store_load(s, on_change, &t), 0);
                static const char *const names[] = { "base", "ceiling", "handoff" };
                ck_assert_uint_eq(t.n, ELEMENTSOF(names));
                for (size_t j = 0; j < ELEMENTSOF(names); j++) {
                        const Told *told = told_of(&t, names[j]);
                        ck_assert(told && told->digest && !told->error && told->changed == (i == 0));
                        ck_assert(told->in_force != streq(names[j], "handoff"));
                }
        }
        remove_file("usr/policies/base.json");
        _cleanup_(telling_clear) Telling t = { 0 };
        ck_assert_int_eq(policy_store_load(s, on_change, &t), 0);
        const Told *told = told_of(&t, "base");
        ck_assert(told && told->changed && !told->in_force && !told->digest && !told->error);
        telling_clear(&t);
        ck_assert_int_eq(policy_store_load(s, on_change, &t), 0);
        ck_assert_ptr_null(told_of(&t, "base"));
}
END_TEST

/* A running sandbox has a reference of its own. */
START_TEST(test_policies_outlive_their_files) {
        _cleanup_(store_freep) PolicyStore *s = host_open();
        load(s);
        Policy *p = policy_ref((Policy *)policy_store_find(s, "base"));
        remove_file("usr/policies/base.json");
        load(s);
        ck_assert_str_eq(p->paths[0].path, "/usr");
        policy_unref(p);
}
END_TEST

int main(void) {
        TCase *t = daemon_case("policy-store");
        tcase_add_test(t, test_the_last_layer_counts);
        tcase_add_test(t, test_a_bad_file_hides_the_layers_below);
        tcase_add_test(t, test_masks);
        tcase_add_loop_test(t, test_a_bad_file_keeps_the_last_good_policy, 0, ELEMENTSOF(bad_files));
        tcase_add_test(t, test_the_error_says_where);
        tcase_add_test(t, test_names);
        tcase_add_test(t, test_so_many_policies);
        tcase_add_test(t, test_directories_that_others_can_write);
        tcase_add_test(t, test_a_directory_that_is_none);
        tcase_add_test(t, test_nothing_goes_without_a_ceiling_and_a_handoff_list);
        tcase_add_test(t, test_the_last_good_ceiling_stays);
        tcase_add_test(t, test_the_last_good_handoff_list_stays);
        tcase_add_test(t, test_no_policy_is_called_ceiling);
        tcase_add_test(t, test_extends_what_is_in_force);
        tcase_add_test(t, test_circles_and_chains);
        tcase_add_test(t, test_documents_of_callers);
        tcase_add_test(t, test_what_a_load_tells);
        tcase_add_test(t, test_policies_outlive_their_files);
        return run_daemon_case(t);
}
