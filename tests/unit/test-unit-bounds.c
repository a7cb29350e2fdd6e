/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is set of a unit where files of administrators speak of it, and mxcd has set something before. */

#include "unit-bounds.h"

#include "bus-test.h"
#include "daemon-test.h"

DEFINE_CLEANUP(Policy *, policy_unref);

#define OURS "/run/systemd/system.control/x.slice.d/50-TasksMax.conf"

static TestBus bus;

static int nobody(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return 0;
}

/* As PID 1 answers: of what the unit has, and of which files. */
static void has(UnitBounds *ret, const char *drop_in) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        ck_assert_int_ge(sd_bus_message_new_signal(bus.client, &m, "/x", "x.y", "Properties"), 0);
        ck_assert_int_ge(sd_bus_message_append(m, "a{sv}", 6, "FragmentPath", "s", "", "DropInPaths", "as",
                                         2, OURS, drop_in, "MemoryMax", "t", UINT64_C(1000), "TasksMax", "t",
                                         UINT64_C(200), "CPUQuotaPerSecUSec", "t", UINT64_C(500000),
                                         "CPUWeight", "t", UINT64_C(30)),
                        0);
        ck_assert_int_ge(sd_bus_message_seal(m, 1, 0), 0);
        ck_assert_int_ge(unit_bounds_read(m, ret), 0);
}

static const struct {
        const char *text; /* of the administrator's file; NULL: it cannot be read */
        const char *words;
} files[] = {
        /* all is ours, of an older ceiling */
        { "[Slice]\n", "MemoryMax=2000 TasksMax=300 CPUQuotaPerSecUSec=900000 CPUWeight=40" },
        /* what they speak of stays, as it is stricter; the rest follows */
        { "[Slice]\nMemoryMax=1000\n", "TasksMax=300 CPUQuotaPerSecUSec=900000 CPUWeight=40" },
        { "[Slice]\n \tTasksMax \t= 200", "MemoryMax=2000 CPUQuotaPerSecUSec=900000 CPUWeight=40" },
        { "[Slice]\r\nCPUQuota=50%\nCPUWeight=30\n", "MemoryMax=2000 TasksMax=300" },
        { "MemoryMax=1000\nTasksMax=200\nCPUQuota=50%\nCPUWeight=30\n", "" },
        /* of one that cannot be read, all */
        { NULL, "" },
        /* lines that say nothing of it */
        { "[Slice]\n# TasksMax=200\n;TasksMax=200\nTasksMaximum=1\nx=TasksMax=200\nMemoryMax\n",
                        "MemoryMax=2000 TasksMax=300 CPUQuotaPerSecUSec=900000 CPUWeight=40" },
};

START_TEST(test_what_is_ours_of_before_is_not_theirs) {
        static const char text[] = "{\"schema\": \"mxc-policy/1\", \"name\": \"p\", \"resources\": "
                                   "{\"memoryMax\": 2000, \"tasksMax\": 300, \"cpuQuota\": \"90%\", "
                                   "\"cpuWeight\": 40}}";
        _cleanup_(policy_unrefp) Policy *p = NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_free_ char *words = NULL, *path = path_of("60-theirs.conf");
        PolicyError error = { 0 };
        UnitBounds now;
        test_bus_open(&bus, nobody, NULL);
        ck_assert_msg(policy_parse(text, strlen(text), NULL, NULL, &p, &error) == 0, "%s", error.sentence);
        if (files[_i].text)
                write_file("60-theirs.conf", files[_i].text);
        has(&now, path);
        int r = unit_bounds_message(bus.client, "x.slice", p, RESOURCE_UNLIMITED, &now, true, &m, &words);
        ck_assert_int_eq(r, files[_i].words[0] != 0);
        ck_assert_str_eq(words ? words : "", files[_i].words);
        test_bus_close(&bus);
}
END_TEST

int main(void) {
        TCase *t = daemon_case("unit-bounds");
        tcase_add_loop_test(t, test_what_is_ours_of_before_is_not_theirs, 0, ELEMENTSOF(files));
        return run_daemon_case(t);
}
