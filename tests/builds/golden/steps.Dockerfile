FROM python:3.11
ENV SHELL=/bin/bash
WORKDIR /code
RUN pip install -r requirements.txt
RUN pip install 'torch>=2'
COPY . /code
