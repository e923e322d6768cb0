/*
 * host: who this machine is, and what it allows this process.
 */
#ifndef IO_HOST_H
#define IO_HOST_H

#define HOST_ID_SIZE 40    /* a UUID with or without dashes, and a zero */
#define HOST_NAME_SIZE 254 /* RFC 1123, and a zero */

/* /etc/machine-id: 32 hexadecimal digits. 0 or -errno; -EINVAL when it holds something else. */
int host_machine_id(char out[HOST_ID_SIZE]);
/* /proc/sys/kernel/random/boot_id: new with each boot. 0 or -errno. */
int host_boot_id(char out[HOST_ID_SIZE]);
/* The host's name in lower case, as kubelet names its Node by default. 0 or -errno. */
int host_name(char out[HOST_NAME_SIZE]);
/*
 * net.ipv4.conf.*.NAME as it acts on an interface, for settings of which the greater of its own and
 * that of `all` does: "arp_ignore" (with 0 the kernel answers ARP there for addresses of any
 * interface), "rp_filter". Or -errno.
 */
int host_ipv4_conf(const char *interface, const char *name);

/*
 * Lets this process have `wanted` descriptors, or as many as its hard limit allows. Returns how
 * many it may have then. The usual limit of 1,024 is for programs that use select(), which nothing
 * here does.
 */
unsigned host_raise_descriptors(unsigned wanted);

#endif
