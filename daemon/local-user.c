/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "local-user.h"

#include <pwd.h>

#include "cleanup.h"

int local_user_find(const char *name, uid_t *ret_uid, gid_t *ret_gid) {
        _cleanup_fclose_ FILE *f = fopen("/etc/passwd", "re");
        struct passwd *p;
        while (f && (p = fgetpwent(f)))
                if (streq(p->pw_name, name)) {
                        *ret_uid = p->pw_uid;
                        if (ret_gid)
                                *ret_gid = p->pw_gid;
                        return 0;
                }
        return -ENOENT;
}
