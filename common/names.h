/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Every name that another program can see, once. */

#define MXC_BUS_NAME "org.mxc1"
#define MXC_BUS_PATH "/org/mxc1"
#define MXC_AGENT_PATH_PREFIX "/org/mxc1/agent"
#define MXC_SANDBOX_PATH_PREFIX "/org/mxc1/sandbox"
#define MXC_IFACE_MANAGER "org.mxc1.Manager"
#define MXC_IFACE_AGENT "org.mxc1.Agent"
#define MXC_IFACE_SANDBOX "org.mxc1.Sandbox"
#define MXC_IFACE_OBJECT_MANAGER "org.freedesktop.DBus.ObjectManager"

/* Error names. Each refusal a client can meet is one of these, with a sentence that says what to do. */
#define MXC_ERROR_DENIED "org.mxc1.Error.Denied"
#define MXC_ERROR_NO_SUCH_AGENT "org.mxc1.Error.NoSuchAgent"
#define MXC_ERROR_NO_SUCH_SANDBOX "org.mxc1.Error.NoSuchSandbox"
#define MXC_ERROR_NO_SUCH_POLICY "org.mxc1.Error.NoSuchPolicy"
#define MXC_ERROR_POLICY_INVALID "org.mxc1.Error.PolicyInvalid"
#define MXC_ERROR_AGENT_REVOKED "org.mxc1.Error.AgentRevoked"
#define MXC_ERROR_AGENT_SUSPENDED "org.mxc1.Error.AgentSuspended"
#define MXC_ERROR_AGENT_EXISTS "org.mxc1.Error.AgentExists"
#define MXC_ERROR_INVALID_ARGUMENT "org.mxc1.Error.InvalidArgument"
#define MXC_ERROR_LIMIT_REACHED "org.mxc1.Error.LimitReached"
#define MXC_ERROR_UNSUPPORTED "org.mxc1.Error.Unsupported"
#define MXC_ERROR_NO_SUCH_COMMAND "org.mxc1.Error.NoSuchCommand"   /* as a shell's 127 */
#define MXC_ERROR_NOT_EXECUTABLE "org.mxc1.Error.NotExecutable"    /* as a shell's 126 */
#define MXC_ERROR_ADDRESS_IN_USE "org.mxc1.Error.AddressInUse"     /* what the policy publishes has somebody else */
#define MXC_ERROR_LAUNCH_FAILED "org.mxc1.Error.LaunchFailed"
#define MXC_ERROR_CANNOT_FREEZE "org.mxc1.Error.CannotFreeze"
#define MXC_ERROR_AUDIT_UNAVAILABLE "org.mxc1.Error.AuditUnavailable"
#define MXC_ERROR_INTERACTIVE_AUTH "org.mxc1.Error.InteractiveAuthorizationRequired"
#define MXC_ERROR_INTERNAL "org.mxc1.Error.InternalError"

/* polkit actions */
#define MXC_ACTION_SPAWN "org.mxc1.spawn"                   /* run for one's own agents */
#define MXC_ACTION_INSPECT "org.mxc1.inspect"               /* read other people's agents and sandboxes */
#define MXC_ACTION_CONTROL "org.mxc1.control"               /* kill, freeze, stop other people's sandboxes */
#define MXC_ACTION_MANAGE_AGENTS "org.mxc1.manage-agents"   /* register, revoke, suspend, set policy, reload */

/* Files. MXC_LIBDIR (vendor) comes from meson; the others are fixed by the FHS. */
#define MXC_ETC_DIR "/etc/mxc"
#define MXC_RUN_DIR "/run/mxc"
#define MXC_STATE_DIR "/var/lib/mxc"
#define MXC_LAUNCH_SOCKET "/run/mxc/launch.sock"   /* root only; mxc-launch.socket */
#define MXC_PORTER_DOOR_SOCKET "/run/mxc/porter-door.sock" /* root only; mxc-porter@.socket */
#define MXC_PORTER_BUS_SOCKET "/run/mxc/porter-bus.sock"   /* likewise */
#define MXC_PRIVATE_SOCKET "/run/mxc/bus"          /* the second door: D-Bus peer to peer, everyone may connect */
#define MXC_GUARD_DIR "/sys/fs/bpf/mxc"            /* pinned programs and maps of mxc-guard */

/* Units */
#define MXC_UNIT_DAEMON "mxcd.service"
#define MXC_UNIT_LAUNCH "mxc-launch.service"
#define MXC_SLICE "mxc.slice"
#define MXC_PORTER_DOOR_USER "mxc-porter-door" /* what stands at mxcd's second door runs as it */
#define MXC_PORTER_BUS_USER "mxc-porter-bus"   /* and between mxcd and the bus */
#define MXC_RELAY_USER "mxc-egress" /* what relays of sandboxes run as */
#define MXC_SCOPE_USER "mxc" /* owner of the delegated scopes: nobody's login, no process runs as it */
