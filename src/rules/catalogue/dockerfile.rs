//! The rules for Dockerfiles. Codes are stable: a retired code is never used again.

super::rules! {
DF001: Error, overridable = false, "A Dockerfile is a small, plain text file",
    help: "Save the file as UTF-8 without a byte order mark, and remove the character.",
    why: "Programs disagree about control characters, byte order marks, invisible characters and unusual spaces: one \
        program shows a comment where another runs a command. A Dockerfile may have 64 KiB, 200 instructions and 10 \
        stages.",
    wrong: "RUN echo a\\u00a0b   # a no-break space, copied from a web page",
    right: "RUN echo a b";
DF002: Error, overridable = false, "No parser directives",
    help: "Delete the line. Referee reads every Dockerfile with Docker's plain grammar.",
    why: "A directive such as `# syntax=` loads another program to read the file, and `# escape=` changes the \
        meaning of its lines. Referee builds exactly what it has checked, so there is only one grammar.",
    wrong: "# syntax=docker/dockerfile:1\nFROM python:3.11",
    right: "FROM python:3.11";
DF003: Error, overridable = false, "No here-documents",
    help: "Put the lines into a script, COPY it and RUN it, or join the commands with `&&` and `\\`.",
    why: "Engines disagree about the end of a here-document, so one could hide instructions.",
    wrong: "RUN <<EOF\nmkdir /data\nEOF",
    right: "RUN mkdir /data && \\\n    chmod 755 /data";
DF004: Error, overridable = false, "Only known instructions and flags",
    help: "Use the instructions of the Dockerfile reference. The supported flags are `COPY --from` and `COPY \
        --chown`.",
    why: "Referee cannot check unknown instructions and flags, so it refuses them.",
    wrong: "COPY --chmod=755 run.sh /app/",
    right: "COPY run.sh /app/\nRUN chmod 755 /app/run.sh";
DF005: Error, overridable = false, "Every instruction has exactly one meaning",
    help: "Correct the line. `docker build` reports the same kind of error.",
    why: "Referee does not build an instruction that it cannot parse, or that versions of Docker read differently.",
    wrong: "CMD ['python3', 'main.py']",
    right: "CMD [\"python3\", \"main.py\"]";
DF010: Error, overridable = false, "FROM names a listed base image or an earlier stage",
    help: "Use one of the base images that the organizers list.",
    why: "Base images are fixed to a digest and stored on the server. Builds therefore need no registry, cannot use \
        the images of other teams, and are repeatable. Ask the organizers if you need another base image.",
    wrong: "FROM ubuntu:latest",
    right: "FROM referee/python:3.11";
DF011: Error, overridable = false, "No variables in FROM",
    help: "Write the full name of the base image.",
    why: "Referee looks up the base image in a list before the build. A variable could name another image.",
    wrong: "ARG TAG=3.11\nFROM referee/python:${TAG}",
    right: "FROM referee/python:3.11";
DF012: Error, overridable = false, "No platform other than the server's",
    help: "Delete `--platform`.",
    why: "An image for another architecture can be built but cannot run on this server.",
    wrong: "FROM --platform=linux/arm64 referee/python:3.11",
    right: "FROM referee/python:3.11";
DF020: Error, overridable = false, "ADD is not allowed",
    help: "Use COPY: ADD can fetch URLs and unpack archives.",
    why: "The engine itself fetches the URLs of ADD, on its own network and outside the limits of the build. It also \
        unpacks archives without a size limit. Put the file into the repository, COPY it, and unpack it with RUN.",
    wrong: "ADD https://example.org/weights.tar.gz /app/",
    right: "COPY weights.tar.gz /app/\nRUN tar -xzf /app/weights.tar.gz -C /app";
DF021: Error, overridable = false, "COPY --from copies from an earlier stage",
    help: "Name a stage of this file that is defined above the line.",
    why: "COPY --from can copy from any image that the engine has, including those of other teams.",
    wrong: "COPY --from=some/image:latest /app /app",
    right: "FROM referee/python:3.11 AS build\nRUN make\nFROM referee/python:3.11\nCOPY --from=build /out /app";
DF022: Error, overridable = false, "COPY copies files of this repository",
    help: "Use a path relative to the root of the repository, without `..`.",
    why: "Referee looks up every source in the repository. Absolute paths, `..` and URLs lead out of it.",
    wrong: "COPY ../shared/main.py /app/",
    right: "COPY shared/main.py /app/";
DF030: Error, overridable = false, "RUN has no flags",
    help: "Delete the flag. A build always starts without a cache, without secrets and without a network of its \
        own.",
    why: "`--mount` shares files between the builds of different teams. `--network` and `--security` would remove \
        limits.",
    wrong: "RUN --mount=type=cache,target=/root/.cache pip install .",
    right: "RUN pip install --no-index --find-links wheels .";
DF031: Error, overridable = false, "No ONBUILD",
    help: "Write the instruction itself into the Dockerfile that needs it.",
    why: "ONBUILD stores instructions that run in later builds, where Referee does not check them.",
    wrong: "ONBUILD COPY . /app",
    right: "COPY . /app";
DF032: Error, overridable = false, "No VOLUME",
    help: "Delete it. Write results to the output directory and temporary files to /tmp.",
    why: "A volume is a writable disk without a limit, even in a read-only container.",
    wrong: "VOLUME /scratch",
    right: "ENV SCRATCH=/tmp";
DF033: Advice, "EXPOSE has no effect",
    help: "Delete it. Containers run without a network.",
    why: "The build leaves the instruction out.";
DF034: Advice, "HEALTHCHECK has no effect",
    help: "Delete it. Referee runs no health checks.",
    why: "The build leaves the instruction out.";
DF035: Advice, "STOPSIGNAL and MAINTAINER have no effect",
    help: "Delete it. Use LABEL instead of MAINTAINER.",
    why: "The build leaves the instruction out. Referee ends containers with a kill signal.";
DF040: Error, "The image names the program to run",
    help: "End the last stage with `ENTRYPOINT [\"program\", \"argument\"]`, in double quotes.",
    why: "Referee starts containers without arguments. The list form starts your program directly. The string form \
        starts a shell, which needs `/bin/sh` and does not forward signals. Only the last CMD and the last \
        ENTRYPOINT count.",
    wrong: "ENTRYPOINT python3 main.py",
    right: "ENTRYPOINT [\"python3\", \"/app/main.py\"]";
DF041: Warning, "The container does not run as root",
    help: "Write `USER 65534` before the ENTRYPOINT, and test the container with `docker run --user 65534:65534`.",
    why: "The container always runs as user and group 65534, without capabilities. Files must be readable for all \
        users. Only the output directory and /tmp are writable.",
    wrong: "USER root",
    right: "USER 65534";
DF042: Error, overridable = false, "WORKDIR is an absolute path inside the image",
    help: "Use a plain absolute path such as /app.",
    why: "Directories under /proc, /sys and /dev belong to the kernel, and attackers have used them to escape from \
        containers. The input and output directories are mount points when the container runs.",
    wrong: "WORKDIR /proc/self/fd/7",
    right: "WORKDIR /app";
DF050: Warning, "No secrets in the image",
    help: "Remove the value and replace the secret, because the history of the repository still contains it.",
    why: "Anyone with the image or the repository can read the values of ENV and ARG.",
    wrong: "ENV API_TOKEN=abc123",
    right: "ENV API_TOKEN_FILE=/tmp/token";
DF051: Error, overridable = false, "No ENV that controls the loader, the GPU runtime or a proxy",
    help: "Delete it. To add a library path, write it to /etc/ld.so.conf.d/ and RUN ldconfig.",
    why: "Programs of the host read these variables when they set up the container. LD_PRELOAD in an image has given \
        attackers access to GPU hosts. `NVIDIA_VISIBLE_DEVICES` and `NVIDIA_DRIVER_CAPABILITIES` are harmless and \
        allowed. Write names without variables, so that Referee can check them.",
    wrong: "ENV LD_LIBRARY_PATH=/app/lib",
    right: "RUN echo /app/lib > /etc/ld.so.conf.d/app.conf && ldconfig";
DF052: Error, overridable = false, "Labels of Referee are reserved",
    help: "Choose another name, such as `org.opencontainers.image.title`.",
    why: "Referee finds its own images and containers by labels that start with `referee.`.",
    wrong: "LABEL referee.submission=1",
    right: "LABEL org.opencontainers.image.title=\"my method\"";
DF060: Advice, "Package versions are pinned",
    help: "Write `name==version`, or a requirements file with versions.",
    why: "An image that is built again next month should be the same image.",
    wrong: "RUN pip install numpy",
    right: "RUN pip install numpy==1.26.4";
DF061: Warning, "useradd with a large user id needs --no-log-init",
    help: "Add `--no-log-init` (`-l`), or use a user id below 100000.",
    why: "useradd writes a sparse log file whose size grows with the user id. In an image the file takes its full \
        size, and the build exceeds its limit.",
    wrong: "RUN useradd -u 1000000 me",
    right: "RUN useradd -l -u 1000000 me";
DF062: Advice, "No downloaded scripts and no sudo",
    help: "Put the script into the repository and COPY it. Steps run as root, so they do not need sudo.",
    why: "A script that `curl … | sh` downloads may change, and a failed download in a pipe goes unnoticed.",
    wrong: "RUN curl https://example.org/install | sh",
    right: "COPY install.sh /tmp/\nRUN sh /tmp/install.sh";
DF063: Warning, "Builds have no network",
    help: "Put the packages into the repository (`pip download`, then `pip install --no-index --find-links wheels \
        …`), or ask for a base image that has them.",
    why: "Build steps cannot reach the internet. This keeps builds repeatable and the server safe.",
    wrong: "RUN pip install torch==2.3.0",
    right: "COPY wheels /wheels\nRUN pip install --no-index --find-links /wheels torch==2.3.0";
}
