/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* who-is PID: asks mxcd whose process that is, as another service of the host would: by a pidfd. Prints the answer's keys and values. */
#include <err.h>
#include <sys/pidfd.h>
#include <systemd/sd-bus.h>

#include "common/cleanup.h"
#include "common/names.h"

static void print(sd_bus_message *m) {
        const char *key, *contents, *text;
        char type;
        uint32_t number;
        int r = sd_bus_message_enter_container(m, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = sd_bus_message_read_basic(m, 's', &key);
                if (r >= 0)
                        r = sd_bus_message_peek_type(m, &type, &contents);
                if (r >= 0 && streq(contents, "u")) {
                        r = sd_bus_message_read(m, "v", "u", &number);
                        printf("%s=%u\n", key, number);
                } else if (r >= 0) {
                        r = sd_bus_message_read(m, "v", "s", &text);
                        printf("%s=%s\n", key, text);
                }
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        if (r < 0)
                errx(EXIT_FAILURE, "the answer cannot be read: %s", strerror(-r));
}

int main(int argc, char **argv) {
        sd_bus *bus = NULL;
        sd_bus_message *reply = NULL;
        sd_bus_error error = SD_BUS_ERROR_NULL;
        if (argc != 2)
                errx(EXIT_FAILURE, "usage: who-is PID");
        int pidfd = pidfd_open((pid_t)atol(argv[1]), 0);
        if (pidfd < 0)
                err(EXIT_FAILURE, "process %s", argv[1]);
        int r = sd_bus_open_system(&bus);
        if (r >= 0)
                r = sd_bus_call_method(bus, MXC_BUS_NAME, MXC_BUS_PATH, MXC_IFACE_MANAGER, "WhoIs", &error,
                                &reply, "h", pidfd);
        if (r < 0)
                errx(EXIT_FAILURE, "%s", error.message ? error.message : strerror(-r));
        print(reply);
        sd_bus_message_unref(reply);
        sd_bus_flush_close_unref(bus);
        (void)close(pidfd); /* it has served */
        return EXIT_SUCCESS;
}
