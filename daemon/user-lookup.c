/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <grp.h>
#include <pwd.h>
#include <stdint.h>

#include "cleanup.h"
#include "fd.h"
#include "limits.h"
#include "user-internal.h"

#define ANSWER_MAGIC 0x6d786375U
#define GID_NOBODY ((gid_t)65534)
#define NSS_BUFFER_MAX (1024U * 1024)

/* What a child writes: this, then the groups, the name and the home, each of its size. */
typedef struct AnswerHead {
        uint32_t magic;
        int32_t error; /* 0, or a negative errno and nothing else */
        uint32_t known, uid, gid;
        uint32_t n_groups, n_name, n_home;
} AnswerHead;

void user_clear(User *u) {
        free(u->name);
        free(u->home);
        free(u->groups);
        *u = (User){ 0 };
}

int user_copy(const User *u, User *ret) {
        User copy = { .uid = u->uid, .is_known = u->is_known, .gid = u->gid, .n_groups = u->n_groups };
        copy.name = strdup(u->name);
        copy.home = u->home ? strdup(u->home) : NULL;
        copy.groups = calloc(u->n_groups + 1, sizeof(gid_t));
        if (!copy.name || (u->home && !copy.home) || !copy.groups) {
                user_clear(&copy);
                return -ENOMEM;
        }
        if (u->n_groups > 0)
                memcpy(copy.groups, u->groups, u->n_groups * sizeof(gid_t));
        *ret = copy;
        return 0;
}

int user_answer_encode(const User *u, bool known, int error, void **ret, size_t *ret_size) {
        AnswerHead head = { .magic = ANSWER_MAGIC, .error = error };
        if (u) {
                head.known = known;
                head.uid = u->uid;
                head.gid = u->gid;
                head.n_groups = (uint32_t)u->n_groups;
                head.n_name = (uint32_t)strlen(u->name);
                head.n_home = u->home ? (uint32_t)strlen(u->home) : 0;
        }
        size_t groups = head.n_groups * sizeof(gid_t),
               size = sizeof(head) + groups + head.n_name + head.n_home;
        uint8_t *data = malloc(size);
        if (!data)
                return -ENOMEM;
        memcpy(data, &head, sizeof(head));
        uint8_t *p = data + sizeof(head);
        if (groups > 0)
                memcpy(p, u->groups, groups);
        if (head.n_name > 0)
                memcpy(p + groups, u->name, head.n_name);
        if (head.n_home > 0)
                memcpy(p + groups + head.n_name, u->home, head.n_home);
        *ret = data;
        *ret_size = size;
        return 0;
}

/* One part of a path: not empty, not "." or "..", no control characters. */
static bool part_is_normal(const char *s, size_t n) {
        if (n == 0 || (s[0] == '.' && (n == 1 || (n == 2 && s[1] == '.'))))
                return false;
        for (size_t i = 0; i < n; i++)
                if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
                        return false;
        return true;
}

/* The home as a policy may have it, or NULL with 0. */
static int take_home(const char *s, size_t n, char **ret) {
        *ret = NULL;
        while (n > 1 && s[n - 1] == '/')
                n--;
        if (n < 2 || n > LIMIT_PATH_BYTES || s[0] != '/')
                return 0;
        for (size_t i = 0; i < n;) {
                const char *slash = memchr(s + i + 1, '/', n - i - 1);
                size_t end = slash ? (size_t)(slash - s) : n;
                if (!part_is_normal(s + i + 1, end - i - 1))
                        return 0;
                i = end;
        }
        *ret = strndup(s, n);
        return *ret ? 0 : -ENOMEM;
}

static int take_groups(const uint8_t *data, const AnswerHead *head, User *u) {
        bool has_own = false;
        u->groups = calloc(head->n_groups + 1, sizeof(gid_t));
        if (!u->groups)
                return -ENOMEM;
        for (uint32_t i = 0; i < head->n_groups; i++) {
                memcpy(&u->groups[i], data + i * sizeof(gid_t), sizeof(gid_t));
                if (u->groups[i] == (gid_t)-1)
                        return -EBADMSG;
                has_own |= u->groups[i] == head->gid;
        }
        u->n_groups = head->n_groups;
        if (!has_own)
                u->groups[u->n_groups++] = head->gid;
        return u->n_groups > LIMIT_PLAN_GROUPS ? -E2BIG : 0;
}

static bool name_is_sane(const char *s, size_t n) {
        if (n == 0 || n > LIMIT_USER_NAME_BYTES)
                return false;
        for (size_t i = 0; i < n; i++)
                if ((unsigned char)s[i] <= 0x20 || s[i] == 0x7f || s[i] == ':' || s[i] == '/')
                        return false;
        return true;
}

static int take_user(const uint8_t *data, const AnswerHead *head, User *u) {
        size_t groups = head->n_groups * sizeof(gid_t);
        const char *name = (const char *)data + groups, *home = name + head->n_name;
        if (!name_is_sane(name, head->n_name) || head->uid == (uid_t)-1 || head->gid == (gid_t)-1)
                return -EBADMSG;
        u->uid = head->uid;
        u->gid = head->gid;
        u->name = strndup(name, head->n_name);
        int r = u->name ? take_groups(data, head, u) : -ENOMEM;
        return r < 0 ? r : take_home(home, head->n_home, &u->home);
}

static int take_nobody(const UserQuestion *question, User *u) {
        if (question->name)
                return -ENOENT;
        u->uid = question->uid;
        u->gid = GID_NOBODY;
        u->groups = malloc(sizeof(gid_t));
        if (!u->groups || asprintf(&u->name, "%u", question->uid) < 0) {
                u->name = NULL;
                return -ENOMEM;
        }
        u->groups[u->n_groups++] = GID_NOBODY;
        return 0;
}

int user_answer_decode(
                const void *data, size_t size, const UserQuestion *question, User *ret, bool *ret_known) {
        AnswerHead head;
        if (size < sizeof(head))
                return -EBADMSG;
        memcpy(&head, data, sizeof(head));
        if (head.magic != ANSWER_MAGIC || head.n_groups > LIMIT_PLAN_GROUPS ||
                        head.n_name > USER_ANSWER_MAX || head.n_home > USER_ANSWER_MAX || head.error > 0 ||
                        head.error < -4095)
                return -EBADMSG;
        if (size != sizeof(head) + head.n_groups * sizeof(gid_t) + head.n_name + head.n_home)
                return -EBADMSG;
        if (head.error < 0)
                return head.error;
        if (head.known && !question->name && head.uid != question->uid)
                return -EBADMSG;

        User u = { 0 };
        int r = head.known ? take_user((const uint8_t *)data + sizeof(head), &head, &u)
                           : take_nobody(question, &u);
        if (r < 0) {
                user_clear(&u);
                return r;
        }
        u.is_known = head.known;
        *ret = u;
        *ret_known = head.known;
        return 0;
}

/* ---- in the child ---- */

/* 0 with *ret NULL where nobody is known. *ret_buffer is what *ret points into. */
static int ask_passwd(const UserQuestion *q, struct passwd *p, char **ret_buffer, struct passwd **ret) {
        for (size_t size = 4096; size <= NSS_BUFFER_MAX; size *= 2) {
                _cleanup_free_ char *buffer = malloc(size);
                if (!buffer)
                        return -ENOMEM;
                struct passwd *found = NULL;
                int r = q->name ? getpwnam_r(q->name, p, buffer, size, &found)
                                : getpwuid_r(q->uid, p, buffer, size, &found);
                if (r == ERANGE)
                        continue;
                if (!found && r != 0 && r != ENOENT && r != ESRCH)
                        return -r;
                *ret = found;
                *ret_buffer = TAKE_PTR(buffer);
                return 0;
        }
        return -E2BIG;
}

static int ask_groups(const struct passwd *p, gid_t **ret, size_t *ret_n) {
        int n = LIMIT_PLAN_GROUPS;
        _cleanup_free_ gid_t *groups = calloc(LIMIT_PLAN_GROUPS, sizeof(gid_t));
        if (!groups)
                return -ENOMEM;
        if (getgrouplist(p->pw_name, p->pw_gid, groups, &n) < 0)
                return -E2BIG;
        *ret = TAKE_PTR(groups);
        *ret_n = (size_t)n;
        return 0;
}

static void send_answer(int fd, const User *u, bool known, int error) {
        _cleanup_free_ void *data = NULL;
        size_t size;
        if (user_answer_encode(u, known, error, &data, &size) == 0)
                (void)fd_write_all(fd, data, size); /* no answer is one too: the lookup has failed */
}

void user_lookup(int fd, const UserQuestion *question) {
        _cleanup_free_ char *buffer = NULL;
        struct passwd p, *found = NULL;
        User u = { .name = (char *)"" };
        int r = ask_passwd(question, &p, &buffer, &found);
        if (r == 0 && found)
                r = ask_groups(found, &u.groups, &u.n_groups);
        if (r == 0 && found) {
                u.uid = found->pw_uid;
                u.gid = found->pw_gid;
                u.name = found->pw_name;
                u.home = found->pw_dir;
        }
        send_answer(fd, r < 0 ? NULL : &u, found, r);
        free(u.groups);
}
