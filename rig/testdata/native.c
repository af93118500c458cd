/* Ordinary work through the C library: glibc and musl each choose their own system calls for it, and new ones before
 * old ones, falling back only if the kernel says ENOSYS. Prints "ok", or the first thing that failed. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define must(what) \
	do { \
		if (!(what)) { \
			printf("%s: %s\n", #what, strerror(errno)); \
			exit(1); \
		} \
	} while (0)

enum { THREADS = 16 };

static pthread_barrier_t all_there;
static sem_t fired;

static void *wait_for_all(void *arg) {
	pthread_barrier_wait(&all_there);
	return arg;
}

static void *sleep_for_ever(void *arg) {
	pause();
	return arg;
}

static void threads(void) {
	pthread_t t[THREADS], sleeper;
	pthread_attr_t attr;
	must(!pthread_attr_init(&attr) && !pthread_attr_setstacksize(&attr, 1 << 18));
	must(!pthread_barrier_init(&all_there, NULL, THREADS + 1));
	for (int i = 0; i < THREADS; i++) must(!(errno = pthread_create(&t[i], &attr, wait_for_all, NULL)));
	pthread_barrier_wait(&all_there);
	for (int i = 0; i < THREADS; i++) must(!(errno = pthread_join(t[i], NULL)));
	must(!(errno = pthread_create(&sleeper, NULL, sleep_for_ever, NULL)));
	must(!pthread_cancel(sleeper) && !pthread_join(sleeper, NULL));
}

static void reap(pid_t pid) {
	int status;
	must(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void children(char *self) {
	extern char **environ;
	char *argv[] = {self, "child", NULL};
	pid_t pid = fork();
	must(pid >= 0);
	if (pid == 0) _exit(0);
	reap(pid);
	must((pid = vfork()) >= 0);
	if (pid == 0) execv(self, argv), _exit(1);
	reap(pid);
	must(!(errno = posix_spawn(&pid, self, NULL, NULL, argv, environ)));
	reap(pid);
}

static void files(void) {
	char dir[] = "/tmp/nativeXXXXXX", name[64], path[4096];
	struct stat st;
	struct statvfs vfs;
	must(mkdtemp(dir) && !chdir(dir));
	int fd = open("f", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	must(fd >= 0 && !(errno = posix_fallocate(fd, 0, 4096)) && !fsync(fd));
	must(!symlink("f", "l") && !rename("f", "g") && !link("g", "f") && realpath("l", path));
	must(!fchmodat(AT_FDCWD, "f", 0640, AT_SYMLINK_NOFOLLOW) || errno == EOPNOTSUPP); /* what a library without it says */
	must(!stat("f", &st) && !lstat("l", &st) && !statvfs(".", &vfs) && !faccessat(AT_FDCWD, "f", R_OK, AT_EACCESS));
	must(!utimensat(AT_FDCWD, "f", NULL, 0) && !lockf(fd, F_LOCK, 0));
	must(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) != MAP_FAILED);
	FILE *tmp = tmpfile();
	must(tmp && fputs("x", tmp) >= 0 && !fclose(tmp));
	DIR *d = opendir(".");
	must(d && readdir(d) && !closedir(d));
	must(!unlink("f") && !unlink("g") && !unlink("l") && !chdir("/") && !rmdir(dir) && !close(fd));
	snprintf(name, sizeof name, "/native%d", getpid());
	must((fd = shm_open(name, O_CREAT | O_EXCL | O_RDWR, 0600)) >= 0 && !ftruncate(fd, 10) && !shm_unlink(name));
	mqd_t q = mq_open(name, O_CREAT | O_EXCL | O_RDWR, 0600, NULL);
	must(q >= 0 && !mq_send(q, "x", 1, 0) && !mq_unlink(name));
}

static void system_v(void) {
	struct sembuf up = {0, 1, 0};
	int s = semget(IPC_PRIVATE, 1, 0600), m = shmget(IPC_PRIVATE, 4096, 0600);
	must(s >= 0 && !semop(s, &up, 1) && !semctl(s, 0, IPC_RMID));
	must(m >= 0 && shmat(m, NULL, 0) != (void *)-1 && !shmctl(m, IPC_RMID, NULL));
}

static void fire(union sigval v) { sem_post(v.sival_ptr); }

static void timers(void) {
	timer_t t;
	struct sigevent ev = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = fire, .sigev_value.sival_ptr = &fired};
	struct itimerspec soon = {.it_value.tv_nsec = 1000000};
	struct timespec now;
	char buf[16];
	must(!sem_init(&fired, 0, 0) && !timer_create(CLOCK_MONOTONIC, &ev, &t) && !timer_settime(t, 0, &soon, NULL));
	must(!sem_wait(&fired) && !timer_delete(t) && !clock_gettime(CLOCK_REALTIME, &now) && !getentropy(buf, sizeof buf));
	must(time(NULL) && !clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){0, 1000}, NULL));
}

static void sockets(void) {
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof a;
	char c;
	int l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), out = socket(AF_INET, SOCK_STREAM, 0);
	must(l >= 0 && out >= 0 && !bind(l, (void *)&a, len) && !listen(l, 1) && !getsockname(l, (void *)&a, &len));
	must(!connect(out, (void *)&a, len) && send(out, "x", 1, MSG_NOSIGNAL) == 1);
	int in = accept4(l, NULL, NULL, SOCK_NONBLOCK);
	must(in >= 0 && poll(&(struct pollfd){.fd = in, .events = POLLIN}, 1, 10000) == 1 && recv(in, &c, 1, 0) == 1);
}

static void users(void) {
	must(!setgid(getgid()) && !setuid(getuid()) && !seteuid(geteuid()) && getgroups(0, NULL) >= 0);
	must(!setpriority(0, 0, 1) && sched_yield() == 0 && sysconf(_SC_NPROCESSORS_ONLN) > 0);
}

int main(int argc, char **argv) {
	if (argc > 1) return 0;
	threads();
	children(argv[0]);
	files();
	system_v();
	timers();
	sockets();
	users();
	puts("ok");
	return 0;
}
