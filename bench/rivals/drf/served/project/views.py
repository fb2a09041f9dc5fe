"""The four requests, as the task is usually solved."""

import secrets
from datetime import timedelta

from django.shortcuts import get_object_or_404
from django.utils import timezone
from rest_framework.authtoken.models import Token
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.views import APIView

from project.models import SentCode, User
from project.serializers import (
    AskSerializer,
    ConfirmSerializer,
    InviteeSerializer,
    InviteSerializer,
    ProfileSerializer,
)

LIFETIME = timedelta(minutes=5)


class LoginView(APIView):
    permission_classes = [AllowAny]

    def post(self, request):
        asked = AskSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        phone, code = asked.validated_data["phone"], f"{secrets.randbelow(10_000):04}"
        SentCode.objects.update_or_create(phone=phone, defaults={"code": code})
        return Response({"phone": phone, "code": code})


class ConfirmView(APIView):
    permission_classes = [AllowAny]

    def post(self, request):
        confirmed = ConfirmSerializer(data=request.data)
        confirmed.is_valid(raise_exception=True)
        sent = SentCode.objects.filter(sent_at__gt=timezone.now() - LIFETIME, **confirmed.validated_data).first()
        if sent is None:
            return Response({"detail": "Wrong code."}, status=400)
        sent.delete()
        user, is_new = User.objects.get_or_create(phone=sent.phone)
        token, _ = Token.objects.get_or_create(user=user)
        return Response({"login": True, "token": token.key, "new_user": is_new})


class ProfileView(RetrieveAPIView):
    serializer_class = ProfileSerializer

    def get_object(self):
        return self.request.user


class ActivateView(APIView):
    def post(self, request):
        entered = InviteSerializer(data=request.data)
        entered.is_valid(raise_exception=True)
        user = request.user
        if user.inviter_id is not None:
            return Response({"detail": "Already activated."}, status=400)
        inviter = get_object_or_404(User, invite_code=entered.validated_data["code"])
        if inviter == user:
            return Response({"detail": "Your own code."}, status=400)
        user.inviter = inviter
        user.save(update_fields=["inviter"])
        return Response({"activated_profile": ProfileSerializer(user).data})


class InviteesView(ListAPIView):
    serializer_class = InviteeSerializer

    def get_queryset(self):
        return self.request.user.invitees.order_by("id")
