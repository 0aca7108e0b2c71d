/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * handler_keyreel.so: gives the devices that tcmu-runner opens to keyreel, each with its whole ring.
 *
 * A device with dev_config=keyreel/RIG/DRIVE[/HOST] belongs to the keyreel process that listens on
 * $KEYREEL_RUN/RIG.sock (/run/keyreel without that variable). When the device's first command comes,
 * the handler connects and sends "SIZE DEV_CONFIG" with the descriptor of the uio device; keyreel
 * answers one byte, and from then on the ring is keyreel's: commands, data and completions pass
 * through memory that it shares with the kernel, and tcmu-runner sees none of them. So what libtcmu
 * does not know or drops (lengths of reads, statuses, opcodes, task management) is not in the way.
 *
 * Each side gives the device up by closing the connection. When keyreel is gone, the commands that
 * it had end with 0Bh/08h/00h, those that come later with 2/04h/03h until it can be reached again.
 *
 * Debian has no headers for handlers: what is used of the interface of tcmu-runner 1.5 and 1.6, and
 * of the kernel's ring (linux/target_core_user.h, mailbox version 2), is declared here.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* tcmu-runner and libtcmu. */
struct tcmu_device;
struct tcmur_handler {
	const char *name;
	const char *subtype;
	const char *cfg_desc;
	void *opaque;
	bool (*check_config)(const char *cfgstring, char **reason);
	void *reconfig;
	int (*open)(struct tcmu_device *dev, bool reopen);
	void (*close)(struct tcmu_device *dev);
	int nr_threads;
	void *handle_cmd;
	void *others[15];
};
_Static_assert(sizeof(struct tcmur_handler) == 200, "as tcmu-runner has it on 64-bit machines");

int tcmur_register_handler(struct tcmur_handler *handler);
void tcmur_dev_set_private(struct tcmu_device *dev, void *data);
void *tcmur_dev_get_private(struct tcmu_device *dev);
int tcmu_dev_get_fd(struct tcmu_device *dev);
const char *tcmu_dev_get_uio_name(struct tcmu_device *dev);
char *tcmu_dev_get_cfgstring(struct tcmu_device *dev);
char *tcmu_dev_get_memory_info(struct tcmu_device *dev, void **base, size_t *size, off_t *offset);

/* The ring. */
enum { OP_COMMAND = 1, OP_TASK_MANAGEMENT = 2, OP_MASK = 7, UNKNOWN_OP = 1 };

struct mailbox {
	uint16_t version, flags;
	uint32_t ring_offset, ring_size, head;
	uint32_t tail __attribute__((aligned(64)));
};

struct entry {
	uint32_t length_op;
	uint16_t id;
	uint8_t kernel_flags, user_flags;
	uint8_t status, reserved[3];
	uint32_t read_length;
	uint8_t sense[96];
};

#define CHECK_CONDITION 0x02
#define RELEASE_LIMIT 10000 /* Milliseconds that keyreel has to let go of a device. */

struct device {
	int uio;
	int cork; /* Keeps the pipe open that tcmu-runner's own thread reads. */
	int stop; /* Readable when tcmu-runner closes the device. */
	struct mailbox *ring;
	size_t size;
	const char *config;
	struct sockaddr_un address;
	pthread_t thread;
};

/* Fill in the address of the socket for a configuration string; why not, if that is not possible. */
static const char *find_socket(const char *config, struct sockaddr_un *address)
{
	const char *folder = getenv("KEYREEL_RUN");
	char rig[64], drive[64], rest;
	unsigned int host;
	int found = sscanf(config, "keyreel/%63[a-z0-9_-]/%63[a-z0-9_-]/%4u%c", rig, drive, &host, &rest);
	size_t room = sizeof(address->sun_path);

	if (found == 2)
		found = strlen(config) == strlen("keyreel//") + strlen(rig) + strlen(drive) ? 3 : 0;
	if (found != 3)
		return "dev_config must be keyreel/RIG/DRIVE or keyreel/RIG/DRIVE/HOST";
	address->sun_family = AF_UNIX;
	if ((size_t)snprintf(address->sun_path, room, "%s/%s.sock", folder ? folder : "/run/keyreel", rig) >= room)
		return "the name of the folder in KEYREEL_RUN is too long for a socket";
	return NULL;
}

static bool check_config(const char *config, char **reason)
{
	struct sockaddr_un address;
	const char *trouble = find_socket(config, &address);

	if (trouble)
		*reason = strdup(trouble);
	return !trouble;
}

/* Wait until one of two descriptors is readable; whether it is the first. */
static bool first_of(int first, int second, int limit)
{
	struct pollfd wanted[] = {{.fd = first, .events = POLLIN}, {.fd = second, .events = POLLIN}};

	while (poll(wanted, 2, limit) < 0 && errno == EINTR)
		;
	return wanted[0].revents & POLLIN;
}

/* End every command in the ring with CHECK CONDITION. Only while nobody else has the ring. */
static void refuse(struct device *device, uint8_t key, uint8_t code, uint8_t qualifier)
{
	struct mailbox *ring = device->ring;
	uint32_t tail = ring->tail, kick = 0;
	struct entry *entry;

	while (tail != __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE)) {
		entry = (struct entry *)((char *)ring + ring->ring_offset + tail);
		if ((entry->length_op & OP_MASK) == OP_COMMAND) {
			entry->user_flags = 0;
			entry->status = CHECK_CONDITION;
			memset(entry->sense, 0, sizeof(entry->sense));
			entry->sense[0] = 0x70;
			entry->sense[2] = key;
			entry->sense[7] = 10;
			entry->sense[12] = code;
			entry->sense[13] = qualifier;
		} else if ((entry->length_op & OP_MASK) > OP_TASK_MANAGEMENT) {
			entry->user_flags |= UNKNOWN_OP;
		}
		tail = (tail + (entry->length_op & ~OP_MASK)) % ring->ring_size;
		__atomic_store_n(&ring->tail, tail, __ATOMIC_RELEASE);
	}
	if (write(device->uio, &kick, sizeof(kick)) < 0)
		fprintf(stderr, "keyreel: %s: cannot tell the kernel: %m\n", device->config);
}

/* Give the ring to keyreel; the connection, or -1 when nobody takes it. */
static int hand_over(struct device *device)
{
	char text[256], control[CMSG_SPACE(sizeof(int))] = {0}, taken;
	struct iovec part = {text, 0};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1,
				 .msg_control = control, .msg_controllen = sizeof(control)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	int connection = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	part.iov_len = snprintf(text, sizeof(text), "%zu %s", device->size, device->config);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &device->uio, sizeof(int));
	if (connect(connection, (struct sockaddr *)&device->address, sizeof(device->address)) == 0 &&
	    sendmsg(connection, &message, MSG_NOSIGNAL) > 0 &&
	    first_of(connection, device->stop, -1) && recv(connection, &taken, 1, 0) == 1)
		return connection;
	close(connection);
	return -1;
}

/* The life of a device: nobody has the ring, keyreel has it, nobody has it ... */
static void *attend(void *argument)
{
	struct device *device = argument;
	uint32_t events;
	int connection;

	while (first_of(device->uio, device->stop, -1)) {
		connection = hand_over(device);
		if (connection >= 0) {
			if (!first_of(connection, device->stop, -1)) {
				/* Closed: keyreel ends what it is doing and lets go of the device. */
				shutdown(connection, SHUT_WR);
				first_of(connection, -1, RELEASE_LIMIT);
				close(connection);
				break;
			}
			close(connection);
			refuse(device, 0x0b, 0x08, 0x00);
		} else if (read(device->uio, &events, sizeof(events)) < 0 && errno != EAGAIN) {
			break; /* The kernel has taken the device away. */
		} else {
			refuse(device, 0x02, 0x04, 0x03);
		}
	}
	return NULL;
}

/* Set what a tape drive needs: no limit of time to its commands, which may take hours, aborts and
 * resets told through the ring, reservations left to the drive. Possible while no host has it. */
static void set_attributes(const char *uio)
{
	static const char *const settings[][2] = {
		{"cmd_time_out", "0"}, {"tmr_notification", "1"}, {"pgr_support", "0"}};
	char path[256], hba[16], name[128];
	int found = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/class/uio/%s/name", uio);
	file = fopen(path, "r");
	if (file) {
		found = fscanf(file, "tcm-user/%15[0-9]/%127[^/]", hba, name);
		fclose(file);
	}
	for (int i = 0; found == 2 && i < 3; i++) {
		snprintf(path, sizeof(path), "/sys/kernel/config/target/core/user_%s/%s/attrib/%s",
			 hba, name, settings[i][0]);
		file = fopen(path, "r+");
		if (file) {
			fputs(settings[i][1], file);
			fclose(file); /* Refused where a host has it: then it was set before. */
		}
	}
}

static void release(struct device *device)
{
	close(device->uio);
	close(device->cork);
	close(device->stop);
	free(device);
}

static int open_device(struct tcmu_device *dev, bool reopen)
{
	struct device *device = calloc(1, sizeof(*device));
	int fd = tcmu_dev_get_fd(dev), idle[2];

	(void)reopen;
	if (!device)
		return -ENOMEM;
	device->cork = -1;
	device->config = tcmu_dev_get_cfgstring(dev);
	free(tcmu_dev_get_memory_info(dev, (void **)&device->ring, &device->size, NULL));
	device->uio = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	device->stop = eventfd(0, EFD_CLOEXEC);
	if (find_socket(device->config, &device->address) || device->uio < 0 || device->stop < 0 ||
	    pipe2(idle, O_CLOEXEC) < 0) {
		release(device);
		return -EINVAL;
	}
	device->cork = idle[1];
	fcntl(device->uio, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	/* tcmu-runner's thread reads its descriptor before it looks at the ring. From this pipe
	 * nothing ever comes, so the thread sleeps there until it is cancelled. */
	if (dup3(idle[0], fd, O_CLOEXEC) < 0 ||
	    pthread_create(&device->thread, NULL, attend, device) != 0) {
		close(idle[0]);
		release(device);
		return -EIO;
	}
	close(idle[0]);
	tcmur_dev_set_private(dev, device);
	set_attributes(tcmu_dev_get_uio_name(dev));
	return 0;
}

static void close_device(struct tcmu_device *dev)
{
	struct device *device = tcmur_dev_get_private(dev);

	eventfd_write(device->stop, 1);
	pthread_join(device->thread, NULL);
	release(device);
}

static struct tcmur_handler handler = {
	.name = "keyreel, tape drives that encrypt",
	.subtype = "keyreel",
	.cfg_desc = "keyreel/RIG/DRIVE[/HOST]: names in the rig file that keyreel serves",
	.check_config = check_config,
	.open = open_device,
	.close = close_device,
};

int handler_init(void)
{
	return tcmur_register_handler(&handler);
}
