FROM python:3.11
ENV SHELL=/bin/bash
WORKDIR /code
RUN ["/bin/sh", "-ec", "apt-get update\napt-get install -y git \\\n  curl"]
RUN ["/bin/sh", "-ec", "ends \\"]
COPY . /code
