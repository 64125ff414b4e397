# The host as before every draw: no project, nothing of the program.
iptables -D INPUT -p tcp --dport 22 -j DROP 2>/dev/null
systemctl is-active --quiet docker || systemctl restart docker
touch /root/chaos/stop
units=$(systemctl list-units --all --plain --no-legend --no-pager 'selextract-infra*' | awk '{print $1}')
units="$units $(systemctl list-unit-files --no-legend --no-pager 'selextract-infra*' | awk '{print $1}')"
for unit in $units; do systemctl kill -s KILL "$unit"; systemctl stop "$unit"; systemctl disable "$unit"; done 2>/dev/null
rm -rf /etc/systemd/system/*selextract-infra* /etc/systemd/system/*.wants/*selextract-infra*
systemctl daemon-reload
docker ps -aq | xargs -r docker rm -f -v >/dev/null
docker volume ls -q | xargs -r docker volume rm -f >/dev/null
docker network prune -f >/dev/null
mountpoint -q /var/lib/selextract-infra && umount -l /var/lib/selextract-infra
rm -rf /srv/shop /srv/bakery /srv/tickets /srv/neighbour /var/lib/selextract-infra /etc/selextract-infra /root/chaos/load.jsonl
true
