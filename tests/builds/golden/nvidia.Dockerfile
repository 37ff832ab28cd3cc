FROM nvidia/cuda:12.4.1-base-ubuntu22.04
ENV SHELL=/bin/bash
ENV PATH="${PATH}:/usr/local/nvidia/bin"
WORKDIR /code
COPY . /code
