"""Object stores and folders of other machines: s3://, gs://, az://, sftp:// and what fsspec reads.

places    an address: scheme, bucket or host, path, pattern
client    what is asked of a store; one client for each bucket or host of a process
objects   S3, Google Cloud Storage and Azure, by obstore        s3_login   AWS profiles, by botocore
sftp      folders of a machine with SSH, by paramiko
fsspec_files  memory:// and others, by fsspec
source    the source of inputs; the sink is in `outputs/store_sink`
ranged    an open file, of which only the parts that are read are fetched
"""
